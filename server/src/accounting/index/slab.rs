//! Rows by small numbers, which is what the index's tables hold instead of long keys.

/// Rows, each with the number that it got.
#[derive(Debug)]
pub(super) struct Slab<T> {
    rows: Vec<Option<T>>,
    free: Vec<u32>,
}

impl<T> Default for Slab<T> {
    fn default() -> Self {
        Self {
            rows: Vec::new(),
            free: Vec::new(),
        }
    }
}

impl<T> Slab<T> {
    pub(super) fn insert(&mut self, row: T) -> u32 {
        if let Some(at) = self.free.pop() {
            self.rows[at as usize] = Some(row);
            return at;
        }
        self.rows.push(Some(row));
        u32::try_from(self.rows.len() - 1)
            .expect("four thousand million rows do not fit into memory before")
    }

    pub(super) fn remove(&mut self, at: u32) -> Option<T> {
        let row = self.rows.get_mut(at as usize)?.take();
        if row.is_some() {
            self.free.push(at);
        }
        row
    }

    pub(super) fn get(&self, at: u32) -> Option<&T> {
        self.rows.get(at as usize)?.as_ref()
    }

    pub(super) fn get_mut(&mut self, at: u32) -> Option<&mut T> {
        self.rows.get_mut(at as usize)?.as_mut()
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &T> {
        self.rows.iter().flatten()
    }

    /// The rows with numbers from `from` on, of so many numbers.
    pub(super) fn part(&self, from: usize, count: usize) -> impl Iterator<Item = &T> {
        self.rows.iter().skip(from).take(count).flatten()
    }

    /// The number that no row has reached yet.
    pub(super) fn end(&self) -> usize {
        self.rows.len()
    }

    pub(super) fn len(&self) -> usize {
        self.rows.len() - self.free.len()
    }
}
