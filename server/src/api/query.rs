//! What the query of an address asks: filters, a page, some fields, a format.

use axum::{
    extract::{FromRequestParts, Query},
    http::{HeaderName, HeaderValue, StatusCode, request::Parts},
    response::Response,
};
use serde::Serialize;

use super::{
    error::ApiError,
    format::{Format, Ordered, names},
};
use crate::read::Many;

/// The header with the number of rows that the filters leave, those of other pages included.
pub(super) const TOTAL: HeaderName = HeaderName::from_static("x-total-count");
/// The most words that a query may have.
const MAX_WORDS: usize = 100;

/// The query.
#[derive(Debug, Default)]
pub(super) struct Asked {
    format: Format,
    fields: Option<String>,
    limit: Option<usize>,
    offset: usize,
    paged: bool,
    /// The other words: filters, and an address's own.
    words: Vec<(String, String)>,
}

impl<S: Sync> FromRequestParts<S> for Asked {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ApiError> {
        let Query(words) =
            Query::<Vec<(String, String)>>::try_from_uri(&parts.uri).map_err(|_| {
                ApiError::bad_request("The address's query is not Name=Value&Name=Value in UTF-8.")
            })?;
        Self::of(words)
    }
}

impl Asked {
    fn of(words: Vec<(String, String)>) -> Result<Self, ApiError> {
        if words.len() > MAX_WORDS {
            return Err(ApiError::bad_request(&format!(
                "The address's query has more than {MAX_WORDS} parameters."
            )));
        }
        let mut asked = Self {
            words,
            ..Self::default()
        };
        if let Some(text) = asked.take("Format")? {
            asked.format = text.parse()?;
        }
        asked.fields = asked.take("Fields")?;
        let number = |number: u32| usize::try_from(number).unwrap_or(usize::MAX);
        asked.limit = asked.take_number("Limit")?.map(number);
        let offset = asked.take_number("Offset")?.map(number);
        asked.offset = offset.unwrap_or(0);
        asked.paged = asked.limit.is_some() || offset.is_some();
        Ok(asked)
    }

    /// Takes all values of a parameter out of the query.
    pub(super) fn take_all(&mut self, name: &str) -> Vec<String> {
        let taken = self
            .words
            .extract_if(.., |(word, _)| word.eq_ignore_ascii_case(name));
        taken.map(|(_, value)| value).collect()
    }

    /// Takes a parameter that is there once at most.
    pub(super) fn take(&mut self, name: &str) -> Result<Option<String>, ApiError> {
        let mut values = self.take_all(name);
        match values.len() {
            0 | 1 => Ok(values.pop()),
            _ => Err(ApiError::bad_request(&format!(
                "{name} is given more than once."
            ))),
        }
    }

    /// Takes a parameter and reads it.
    pub(super) fn take_as<T>(
        &mut self,
        name: &str,
        expected: &str,
        read: impl FnOnce(&str) -> Option<T>,
    ) -> Result<Option<T>, ApiError> {
        let Some(text) = self.take(name)? else {
            return Ok(None);
        };
        let wrong = || {
            let text = crate::logs::tame(&text);
            ApiError::bad_request(&format!("{name}={text} is wrong; expected {expected}."))
        };
        read(&text).map(Some).ok_or_else(wrong)
    }

    fn take_number(&mut self, name: &str) -> Result<Option<u32>, ApiError> {
        self.take_as(name, "a whole number from 0", |text| text.parse().ok())
    }

    /// Limit and Offset, for a list that is cut where it is read.
    pub(super) fn take_page(&mut self, usual: usize, most: usize) -> (usize, usize) {
        self.paged = false;
        let limit = self.limit.take().unwrap_or(usual).min(most);
        (limit, std::mem::take(&mut self.offset))
    }

    /// Refuses what is left, for a list that is filtered where it is read; `known` are its parameters.
    pub(super) fn no_more(&self, known: &[&str]) -> Result<(), ApiError> {
        let names = || {
            known
                .iter()
                .map(|name| (*name).to_owned())
                .collect::<Vec<_>>()
        };
        match self.words.first() {
            Some((word, _)) => Err(unknown(word, &names())),
            None => Ok(()),
        }
    }

    /// The answer with a list: filtered, cut to its page, in the format.
    pub(super) fn list<L: Many>(self, rows: Vec<L::Row>) -> Result<Response, ApiError> {
        let plan = self.plan::<L>()?;
        let kept: Vec<L::Row> = if plan.filters.is_empty() {
            rows
        } else {
            rows.into_iter().filter(|row| plan.passes(row)).collect()
        };
        let total = kept.len();
        let page = kept.into_iter().skip(plan.offset).take(plan.limit);
        Ok(plan.answer::<L>(page.collect(), total))
    }

    /// What a list is asked for, where it is filtered and cut while it is read.
    pub(super) fn plan<L: Many>(mut self) -> Result<Plan, ApiError> {
        let names = names::<L::Row>();
        Ok(Plan {
            fields: self.chosen(&names)?,
            filters: self.filters(&names)?,
            names,
            format: self.format,
            offset: self.offset,
            limit: self.limit.unwrap_or(usize::MAX),
        })
    }

    /// The answer with one row.
    pub(super) fn one<R: Serialize + Default>(self, row: &R) -> Result<Response, ApiError> {
        self.one_as(StatusCode::OK, row)
    }

    /// Refuses what one row cannot be answered by. To be asked before anything is changed: a query that is wrong changes nothing.
    pub(super) fn check<R: Serialize + Default>(&self) -> Result<(), ApiError> {
        self.chosen(&names::<R>())?;
        if self.paged {
            return Err(ApiError::bad_request("Limit and Offset are for lists."));
        }
        match self.words.first() {
            Some((word, _)) => Err(unknown(word, &["Fields".into(), "Format".into()])),
            None => Ok(()),
        }
    }

    /// The same without the fields, unless the row has them: for an answer that is of one kind or another.
    pub(super) fn fitting<R: Serialize + Default>(self) -> Self {
        let fields = self
            .fields
            .filter(|fields| choose(fields, &names::<R>()).is_ok());
        Self { fields, ..self }
    }

    /// The same with another good status.
    pub(super) fn one_as<R: Serialize + Default>(
        self,
        status: StatusCode,
        row: &R,
    ) -> Result<Response, ApiError> {
        self.check::<R>()?;
        let names = names::<R>();
        let fields = self.chosen(&names)?;
        if fields.is_none() && self.format != Format::Csv {
            return Ok(self.format.json(status, row));
        }
        let names = fields.unwrap_or(names);
        let mut response = self.format.row(&names, Ordered::of(row).only(&names));
        *response.status_mut() = status;
        Ok(response)
    }

    /// The fields that Fields names.
    fn chosen(&self, names: &[String]) -> Result<Option<Vec<String>>, ApiError> {
        let fields = self.fields.as_ref();
        fields.map(|fields| choose(fields, names)).transpose()
    }

    /// What is left of the query, by field: a row passes when each field has one of its values.
    fn filters(&mut self, names: &[String]) -> Result<Vec<(String, Vec<String>)>, ApiError> {
        let mut filters: Vec<(String, Vec<String>)> = Vec::new();
        for (word, value) in std::mem::take(&mut self.words) {
            let name = find(names, &word).ok_or_else(|| unknown(&word, names))?;
            match filters.iter_mut().find(|(other, _)| other == name) {
                Some((_, values)) => values.push(value),
                None => filters.push((name.clone(), vec![value])),
            }
        }
        Ok(filters)
    }
}

/// What a list is asked for.
pub(super) struct Plan {
    names: Vec<String>,
    fields: Option<Vec<String>>,
    filters: Vec<(String, Vec<String>)>,
    format: Format,
    /// How many rows are skipped.
    pub(super) offset: usize,
    /// How many are answered at most.
    pub(super) limit: usize,
}

impl Plan {
    /// Whether there are filters of other fields than these.
    pub(super) fn asks_beyond(&self, fields: &[&str]) -> bool {
        let mut names = self.filters.iter().map(|(name, _)| name.as_str());
        names.any(|name| !fields.contains(&name))
    }

    /// Whether a field that has this value passes its filter, if there is one.
    pub(super) fn lets_pass(&self, field: &str, value: &str) -> bool {
        let filter = self.filters.iter().find(|(name, _)| name == field);
        filter.is_none_or(|(_, values)| one_of(values, value))
    }

    /// Whether a row passes.
    pub(super) fn passes<R: Serialize>(&self, row: &R) -> bool {
        let row = Ordered::of(row);
        let mut filters = self.filters.iter();
        filters.all(|(name, values)| one_of(values, &row.text(name)))
    }

    /// The answer with the rows of the page, of so many on all pages.
    pub(super) fn answer<L: Many>(self, rows: Vec<L::Row>, total: usize) -> Response {
        let mut response = match self.fields {
            None if self.format != Format::Csv => self.format.json(StatusCode::OK, &L::of(rows)),
            fields => {
                let names = fields.unwrap_or(self.names);
                let rows: Vec<Ordered> = rows
                    .iter()
                    .map(|row| Ordered::of(row).only(&names))
                    .collect();
                self.format.rows(L::NAME, &names, rows)
            }
        };
        if let Ok(total) = HeaderValue::from_str(&total.to_string()) {
            response.headers_mut().insert(TOTAL, total);
        }
        response
    }
}

/// The fields of a list with commas, as they are really spelt.
fn choose(fields: &str, names: &[String]) -> Result<Vec<String>, ApiError> {
    let mut chosen: Vec<String> = Vec::new();
    for field in fields
        .split(',')
        .map(str::trim)
        .filter(|field| !field.is_empty())
    {
        let name = find(names, field).ok_or_else(|| unknown(field, names))?;
        if !chosen.contains(name) {
            chosen.push(name.clone());
        }
    }
    if chosen.is_empty() {
        return Err(ApiError::bad_request("Fields names no field."));
    }
    Ok(chosen)
}

fn find<'n>(names: &'n [String], word: &str) -> Option<&'n String> {
    names.iter().find(|name| name.eq_ignore_ascii_case(word))
}

fn unknown(word: &str, names: &[String]) -> ApiError {
    ApiError::bad_request(&format!(
        "There is no field or parameter {}; there are: {}.",
        crate::logs::tame(word),
        names.join(", ")
    ))
}

/// Whatever the case.
fn one_of(values: &[String], text: &str) -> bool {
    let text = text.to_lowercase();
    values.iter().any(|value| value.to_lowercase() == text)
}
