//! The program that started this process, as Windows lists it.

use std::mem;

use windows_sys::Win32::{
    Foundation::{CloseHandle, HANDLE, INVALID_HANDLE_VALUE},
    System::Diagnostics::ToolHelp::{
        CreateToolhelp32Snapshot, PROCESSENTRY32W, Process32FirstW, Process32NextW,
        TH32CS_SNAPPROCESS,
    },
};

/// The file name of the parent's program; none if it has ended.
pub(crate) fn program() -> Option<String> {
    let processes = Snapshot::take()?.list();
    let own = std::process::id();
    let parent = processes.iter().find(|(id, ..)| *id == own)?.1;
    let (.., name) = processes.into_iter().find(|(id, ..)| *id == parent)?;
    Some(name)
}

struct Snapshot(HANDLE);

impl Snapshot {
    fn take() -> Option<Self> {
        // SAFETY: no preconditions.
        let handle = unsafe { CreateToolhelp32Snapshot(TH32CS_SNAPPROCESS, 0) };
        (handle != INVALID_HANDLE_VALUE).then_some(Self(handle))
    }

    /// Each process's number, its parent's, and its program.
    fn list(&self) -> Vec<(u32, u32, String)> {
        // SAFETY: all bits zero are this structure; it has no pointers that are followed.
        let mut entry: PROCESSENTRY32W = unsafe { mem::zeroed() };
        entry.dwSize = size_of::<PROCESSENTRY32W>() as u32;
        let mut all = Vec::new();
        // SAFETY: the snapshot is open, and the entry tells its size.
        let mut more = unsafe { Process32FirstW(self.0, &raw mut entry) } != 0;
        while more {
            let name = entry.szExeFile.iter().take_while(|unit| **unit != 0);
            let name: Vec<u16> = name.copied().collect();
            all.push((
                entry.th32ProcessID,
                entry.th32ParentProcessID,
                String::from_utf16_lossy(&name),
            ));
            // SAFETY: as above.
            more = unsafe { Process32NextW(self.0, &raw mut entry) } != 0;
        }
        all
    }
}

impl Drop for Snapshot {
    fn drop(&mut self) {
        // SAFETY: it was opened by `take` and is closed once.
        unsafe { CloseHandle(self.0) };
    }
}
