//! The rules of who holds a seat: plain Rust that knows neither HTTP nor SQL nor a clock.
//!
//! Everything that changes the ledger of a series is a [`Command`]. [`decide`] looks at the ledger through a
//! [`View`], and answers with an [`Outcome`], the [`Delta`]s that make it true and the [`Event`]s that the journal
//! says of it. It changes nothing by itself: a store applies the deltas, in memory and on disk, or drops them all.
//! Time is a parameter.

mod access;
mod acquire;
mod command;
mod connecting;
mod decide;
mod ending;
mod event;
mod id;
mod index;
mod key;
mod leaving;
mod rebalance;
mod rules;
mod seating;
mod session;
mod view;

pub use access::{AccessCode, Share, Shares};
pub use command::{Cause, Claim, Command, Delta, Denial, Effect, Grant, Lost, Outcome, Resume};
pub use decide::{Decision, decide};
pub use event::{Admin, Event, EventKind, MAX_DATA};
pub use id::{ConnectionId, Moment, Now, OperationId, ServerId, SessionId, TokenHash};
pub use index::{Index, MAX_APPS};
pub use key::{Due, Key, KeyState, Unusable, usable};
pub use rules::{RuleBook, Rules, lower_case_list};
pub use session::{Connection, Glance, Session, Text};
pub use view::{Holder, Neighbour, Order, Seat, View};

/// How many child sessions may share one parent's seat.
pub const MAX_CHILDREN: usize = 16;
/// How many connections one session may be attached to: worker processes come and go, but not by the thousand.
pub const MAX_ATTACHED: usize = 64;
/// How many sessions may sit on one seat: those of file infobases of one computer, and children.
pub const MAX_ON_SEAT: usize = 256;
/// How many sessions may have the rights of one key without a seat.
pub const MAX_UNSEATED: usize = 100_000;
/// How many sessions one expiry, or one change of the keys, ends or moves in one go, so that nobody waits for a large one.
pub const EXPIRY_CHUNK: usize = 200;

#[cfg(test)]
mod key_tests;
#[cfg(test)]
mod leaving_tests;
#[cfg(test)]
mod model_tests;
#[cfg(test)]
mod pool_tests;
#[cfg(test)]
mod rule_tests;
#[cfg(test)]
mod test_ledger;
