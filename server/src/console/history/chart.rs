//! The chart, drawn here as SVG: lines for seats and peaks, bars for refusals. It needs no script, and its colours are the style
//! sheet's.

use std::fmt::Write;

use jiff::tz::TimeZone;

use super::super::words;
use crate::{accounting::Moment, store::Step};

/// The drawing's size, and the room for figures at its left and below.
const WIDTH: f64 = 960.0;
const HEIGHT: f64 = 300.0;
const LEFT: f64 = 44.0;
const RIGHT: f64 = 10.0;
const TOP: f64 = 12.0;
const BOTTOM: f64 = 26.0;
/// At most so many points are drawn: more are not told apart.
const MOST: usize = 480;

/// The usage of one step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Point {
    pub(super) at: Moment,
    pub(super) used: u32,
    pub(super) peak: u32,
    pub(super) total: u32,
    pub(super) denied: u32,
}

/// What the template puts together.
pub(super) struct Chart {
    /// The area below the seats in use.
    pub(super) area: String,
    /// The line of seats in use.
    pub(super) used: String,
    /// The line of peaks.
    pub(super) peak: String,
    /// The line of seats that there were.
    pub(super) total: String,
    /// Refusals: x, y, height, width, how many.
    pub(super) denied: Vec<(String, String, String, String, u32)>,
    /// Lines across: y, figure.
    pub(super) rows: Vec<(String, String)>,
    /// Times: x, text.
    pub(super) columns: Vec<(String, String)>,
}

/// Draws; nothing when there is nothing to draw.
pub(super) fn draw(
    points: &[Point],
    from: Moment,
    until: Moment,
    step: Step,
    zone: &TimeZone,
) -> Option<Chart> {
    if points.is_empty() || until <= from {
        return None;
    }
    let merged = merge(points, from, step);
    let span = (until.0 - from.0) as f64;
    let top = nice(
        merged
            .iter()
            .map(|(point, _)| point.peak.max(point.total).max(point.used))
            .max()
            .unwrap_or(1),
    );
    let x = |at: i64| LEFT + (at - from.0) as f64 / span * (WIDTH - LEFT - RIGHT);
    let y =
        |value: u32| HEIGHT - BOTTOM - f64::from(value) / f64::from(top) * (HEIGHT - TOP - BOTTOM);
    let line = |value: fn(&Point) -> u32| steps(&merged, &x, |point| y(value(point)));
    let used = line(|point| point.used);
    let most_denied = merged
        .iter()
        .map(|(point, _)| point.denied)
        .max()
        .unwrap_or(0)
        .max(1);
    let denied = merged
        .iter()
        .filter(|(point, _)| point.denied > 0)
        .map(|(point, end)| {
            // A quarter of the chart's height at most, and never too small to be seen.
            let height =
                (f64::from(point.denied) / f64::from(most_denied) * (HEIGHT / 4.0)).max(4.0);
            let (left, right) = (x(point.at.0), x(*end));
            (
                number(left),
                number(HEIGHT - BOTTOM - height),
                number(height),
                number((right - left).max(2.0)),
                point.denied,
            )
        })
        .collect();
    Some(Chart {
        area: area(&merged, &x, |point| y(point.used), HEIGHT - BOTTOM),
        used,
        peak: line(|point| point.peak),
        total: line(|point| point.total),
        denied,
        rows: (0..=4)
            .filter(|row| (top * row).is_multiple_of(4))
            .map(|row| (number(y(top * row / 4)), (top * row / 4).to_string()))
            .collect(),
        columns: columns(from, until, zone, &x),
    })
}

/// Points that lie too close together become one: the mean of the seats, the most of the peaks, all refusals. With each its end.
fn merge(points: &[Point], from: Moment, step: Step) -> Vec<(Point, i64)> {
    let each = points.len().div_ceil(MOST) as i64 * step.millis();
    let mut merged: Vec<(Point, i64, u64, u64)> = Vec::new();
    for point in points {
        let group = (point.at.0 - from.0).div_euclid(each);
        let begin = Moment(from.0 + group * each);
        match merged.last_mut() {
            Some((last, _, sum, count)) if last.at == begin => {
                (*sum, *count) = (*sum + u64::from(point.used), *count + 1);
                last.used = u32::try_from((*sum + *count / 2) / *count).unwrap_or(u32::MAX);
                last.peak = last.peak.max(point.peak);
                last.total = point.total;
                last.denied = last.denied.saturating_add(point.denied);
            }
            _ => {
                let first = Point {
                    at: begin,
                    ..*point
                };
                merged.push((first, begin.0 + each, u64::from(point.used), 1));
            }
        }
    }
    merged
        .into_iter()
        .map(|(point, end, ..)| (point, end))
        .collect()
}

/// A line with a step at each point; broken where the server did not run.
fn steps(points: &[(Point, i64)], x: &impl Fn(i64) -> f64, y: impl Fn(&Point) -> f64) -> String {
    let mut path = String::new();
    let mut ended = None;
    for (point, end) in points {
        let (left, right, height) = (number(x(point.at.0)), number(x(*end)), number(y(point)));
        let letter = if ended == Some(point.at.0) { 'L' } else { 'M' };
        write!(path, "{letter}{left} {height}H{right}").expect("writing to a String cannot fail");
        ended = Some(*end);
    }
    path
}

fn area(
    points: &[(Point, i64)],
    x: &impl Fn(i64) -> f64,
    y: impl Fn(&Point) -> f64,
    ground: f64,
) -> String {
    let mut path = String::new();
    let ground = number(ground);
    for (point, end) in points {
        let (left, right, height) = (number(x(point.at.0)), number(x(*end)), number(y(point)));
        write!(path, "M{left} {ground}V{height}H{right}V{ground}Z")
            .expect("writing to a String cannot fail");
    }
    path
}

/// The least round number from there on that has quarters, where that can be.
fn nice(most: u32) -> u32 {
    let most = most.max(1);
    if most <= 4 {
        return 4;
    }
    let mut unit = 1_u32;
    loop {
        for times in [4, 8, 12, 20, 40] {
            let candidate = unit.saturating_mul(times);
            if candidate >= most || candidate == u32::MAX {
                return candidate;
            }
        }
        unit = unit.saturating_mul(10);
    }
}

fn columns(
    from: Moment,
    until: Moment,
    zone: &TimeZone,
    x: &impl Fn(i64) -> f64,
) -> Vec<(String, String)> {
    const HOUR: i64 = 3_600_000;
    let span = until.0 - from.0;
    let (every, pattern) = match span / HOUR {
        0..=8 => (HOUR, "%H:%M"),
        9..=30 => (4 * HOUR, "%H:%M"),
        31..=200 => (24 * HOUR, "%d.%m"),
        201..=800 => (5 * 24 * HOUR, "%d.%m"),
        _ => (61 * 24 * HOUR, "%d.%m.%y"),
    };
    let offset = jiff::Timestamp::from_millisecond(from.0)
        .map_or(0, |time| i64::from(zone.to_offset(time).seconds()) * 1000);
    let first = (from.0 + offset).div_euclid(every) * every + every - offset;
    let mut found = Vec::new();
    let mut at = first;
    while at < until.0 && found.len() < 24 {
        let place = x(at);
        if place < WIDTH - RIGHT - 16.0 && place > LEFT + 8.0 {
            found.push((number(place), words::shown(Moment(at), zone, pattern)));
        }
        at += every;
    }
    found
}

fn number(value: f64) -> String {
    let text = format!("{value:.1}");
    text.strip_suffix(".0").unwrap_or(&text).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn point(minute: i64, used: u32) -> Point {
        Point {
            at: Moment(minute * 60_000),
            used,
            peak: used + 1,
            total: 10,
            denied: u32::from(used == 10),
        }
    }

    fn chart(points: &[Point], minutes: i64) -> Option<Chart> {
        draw(
            points,
            Moment(0),
            Moment(minutes * 60_000),
            Step::Minute,
            &TimeZone::UTC,
        )
    }

    #[test]
    fn lines_are_broken_where_the_server_did_not_run() {
        let drawn = chart(&[point(0, 1), point(1, 2), point(5, 10)], 10).unwrap();
        assert_eq!(drawn.used.matches('M').count(), 2);
        assert_eq!(drawn.denied.len(), 1);
        assert!(chart(&[], 10).is_none());
    }

    #[test]
    fn many_points_become_few_and_lose_no_peak_and_no_refusal() {
        let points: Vec<Point> = (0..1440)
            .map(|minute| point(minute, if minute == 700 { 10 } else { 2 }))
            .collect();
        let merged = merge(&points, Moment(0), Step::Minute);
        assert!(merged.len() <= MOST);
        assert_eq!(merged.iter().map(|(point, _)| point.peak).max(), Some(11));
        assert_eq!(merged.iter().map(|(point, _)| point.denied).sum::<u32>(), 1);
    }

    #[test]
    fn the_scale_is_round_and_holds_the_most() {
        for (most, top) in [
            (0, 4),
            (3, 4),
            (5, 8),
            (11, 12),
            (13, 20),
            (21, 40),
            (41, 80),
            (1000, 1200),
            (u32::MAX, u32::MAX),
        ] {
            assert_eq!(nice(most), top, "{most}");
        }
    }
}
