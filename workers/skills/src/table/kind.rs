//! What kind of values a column holds, found out from all of them.

use jiff::civil::Date;
use rusqlite::types::Value;

use super::read::Sheet;

/// What a column holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Integer,
    /// Numbers with a fraction; whether a comma parts it off.
    Decimal {
        comma: bool,
    },
    /// Days, as [`DateOrder`] says.
    Date(DateOrder),
    Boolean,
    Text,
}

/// How days are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum DateOrder {
    /// `2026-12-24`
    Year,
    /// `24.12.2026`, `24/12/2026`
    Day,
    /// `12/24/2026`
    Month,
}

impl Kind {
    /// Whether one can calculate with it.
    pub(super) fn is_number(self) -> bool {
        matches!(self, Self::Integer | Self::Decimal { .. })
    }

    /// What people call it.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Integer => "integer",
            Self::Decimal { .. } => "decimal",
            Self::Date(_) => "date",
            Self::Boolean => "boolean",
            Self::Text => "text",
        }
    }

    /// The cell as a value of this kind; nothing when it is of another one. Days become `2026-12-24`, which sort as they follow.
    pub(super) fn value(self, cell: &str) -> Option<Value> {
        match self {
            Self::Integer => integer(cell).map(Value::Integer),
            Self::Decimal { comma } => decimal(cell, comma).map(Value::Real),
            Self::Date(order) => date(cell, order).map(|date| Value::Text(date.to_string())),
            Self::Boolean => boolean(cell).map(|yes| Value::Integer(yes.into())),
            Self::Text => Some(Value::Text(cell.to_owned())),
        }
    }
}

/// A column, with its values.
#[derive(Debug)]
pub(super) struct Column {
    pub(super) name: String,
    pub(super) kind: Kind,
}

/// A table whose kinds are known.
#[derive(Debug)]
pub(super) struct Table {
    pub(super) columns: Vec<Column>,
    pub(super) rows: Vec<Vec<Value>>,
}

impl Table {
    pub(super) fn of(sheet: Sheet) -> Self {
        let kind = |at: usize| kind_of(sheet.rows.iter().map(|row| row[at].as_str()));
        let columns: Vec<Column> = (sheet.names.iter().enumerate())
            .map(|(at, name)| Column { name: name.clone(), kind: kind(at) })
            .collect();
        let value = |(column, cell): (&Column, String)| {
            if cell.is_empty() { Value::Null } else { column.kind.value(&cell).unwrap_or(Value::Null) }
        };
        let rows = sheet.rows.into_iter().map(|row| columns.iter().zip(row).map(value).collect()).collect();
        Self { columns, rows }
    }
}

/// The narrowest kind that all cells are of; those that are empty are of any.
fn kind_of<'a>(cells: impl Iterator<Item = &'a str> + Clone) -> Kind {
    let cells = cells.filter(|cell| !cell.is_empty());
    const NARROW: [Kind; 7] = [
        Kind::Integer,
        Kind::Decimal { comma: false },
        Kind::Decimal { comma: true },
        Kind::Date(DateOrder::Year),
        Kind::Date(DateOrder::Day),
        Kind::Date(DateOrder::Month),
        Kind::Boolean,
    ];
    if cells.clone().next().is_none() {
        return Kind::Text;
    }
    let fits = |kind: &Kind| cells.clone().all(|cell| kind.value(cell).is_some());
    NARROW.into_iter().find(fits).unwrap_or(Kind::Text)
}

/// A whole number. One that begins with a zero is a code, such as a postal code, and stays a text.
fn integer(cell: &str) -> Option<i64> {
    let digits = cell.trim_start_matches(['-', '+']);
    if digits.len() > 1 && digits.starts_with('0') {
        return None;
    }
    cell.parse().ok()
}

/// A number with a fraction, perhaps with signs between its thousands: `1,234.5`, or `1.234,5` with a comma.
fn decimal(cell: &str, comma: bool) -> Option<f64> {
    let (point, thousands) = if comma { (',', '.') } else { ('.', ',') };
    let (whole, fraction) = cell.split_once(point).map_or((cell, None), |(whole, rest)| (whole, Some(rest)));
    let digits = whole.trim_start_matches(['-', '+']);
    if whole.len() - digits.len() > 1 || (fraction.is_none() && digits.len() > 1 && digits.starts_with('0')) {
        return None;
    }
    let mut groups = digits.split(thousands);
    let first = groups.next()?;
    let grouped = digits.contains(thousands);
    let well_grouped = (!grouped || (1..=3).contains(&first.len())) && groups.all(|group| group.len() == 3);
    let all_digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    let exponent = |text: &str| {
        let (digits, power) = text.split_once(['e', 'E']).unwrap_or((text, "0"));
        all_digits(digits) && all_digits(power.trim_start_matches(['-', '+'])) && !power.is_empty()
    };
    let plain = digits.replace(thousands, "");
    let empty = plain.is_empty() && fraction.is_none_or(str::is_empty);
    if empty || !well_grouped || !all_digits(&plain) || !fraction.is_none_or(exponent) {
        return None;
    }
    let sign = if whole.starts_with('-') { "-" } else { "" };
    let value: f64 = format!("{sign}{plain}.{}", fraction.unwrap_or("0")).parse().ok()?;
    value.is_finite().then_some(value)
}

fn date(cell: &str, order: DateOrder) -> Option<Date> {
    let parts: Vec<&str> = cell.split(['-', '.', '/']).collect();
    let [a, b, c] = parts[..] else { return None };
    let (year, month, day) = match order {
        DateOrder::Year => (a, b, c),
        DateOrder::Day => (c, b, a),
        DateOrder::Month => (c, a, b),
    };
    if year.len() != 4 {
        return None;
    }
    Date::new(year.parse().ok()?, month.parse().ok()?, day.parse().ok()?).ok()
}

fn boolean(cell: &str) -> Option<bool> {
    match cell.to_lowercase().as_str() {
        "true" | "yes" | "ja" | "wahr" | "oui" | "vrai" | "sí" | "si" | "sì" | "vero" => Some(true),
        "false" | "no" | "nein" | "falsch" | "non" | "faux" | "falso" => Some(false),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kind(cells: &[&str]) -> Kind {
        kind_of(cells.iter().copied())
    }

    #[test]
    fn kinds_are_found_out() {
        assert_eq!(kind(&["1", "", "-20"]), Kind::Integer);
        assert_eq!(kind(&["1", "2.5", "1,234.5"]), Kind::Decimal { comma: false });
        assert_eq!(kind(&["1,5", "1.234,5"]), Kind::Decimal { comma: true });
        assert_eq!(kind(&["2026-12-24"]), Kind::Date(DateOrder::Year));
        assert_eq!(kind(&["24.12.2026", "01.02.2026"]), Kind::Date(DateOrder::Day));
        assert_eq!(kind(&["12/24/2026", "1/2/2026"]), Kind::Date(DateOrder::Month));
        assert_eq!(kind(&["yes", "No"]), Kind::Boolean);
        assert_eq!(kind(&["01067", "10115"]), Kind::Text, "postal codes are no numbers");
        assert_eq!(kind(&["=1+1", "2"]), Kind::Text, "a formula is a text");
        assert_eq!(kind(&["", ""]), Kind::Text);
        assert_eq!(kind(&["30.02.2026"]), Kind::Text);
    }

    #[test]
    fn numbers_are_read_as_they_are_written() {
        assert_eq!(decimal("-1,234.50", false), Some(-1234.5));
        assert_eq!(decimal("1.234,5", true), Some(1234.5));
        assert_eq!(decimal(".5", false), Some(0.5));
        assert_eq!(decimal("1.5e3", false), Some(1500.0));
        for wrong in ["1,23.5", "", ".", "--1", "1.2.3", "inf", "0x1", "1.5e"] {
            assert_eq!(decimal(wrong, false), None, "{wrong}");
        }
    }
}
