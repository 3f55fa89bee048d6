//! What can be said of each column without being asked.

use std::collections::HashMap;

use rusqlite::types::Value;

use super::kind::{Column, Table};

/// The statistics of one column.
#[derive(Debug, PartialEq)]
pub(super) struct Facts {
    pub(super) count: usize,
    pub(super) empty: usize,
    pub(super) distinct: usize,
    pub(super) least: Value,
    pub(super) most: Value,
    /// Of numbers only.
    pub(super) numbers: Option<Numbers>,
    /// The value that is there most often, and how often; the first of them in order where several are.
    pub(super) frequent: Option<(Value, usize)>,
}

/// Statistics of numbers.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Numbers {
    pub(super) mean: f64,
    /// The first quartile, the median and the third quartile, between the values where none lies there.
    pub(super) quartiles: [f64; 3],
}

impl Numbers {
    /// Those of these values, which are sorted; nothing when there are none.
    pub(super) fn of(sorted: &[f64]) -> Option<Self> {
        (!sorted.is_empty()).then(|| Self {
            mean: sorted.iter().sum::<f64>() / sorted.len() as f64,
            quartiles: [0.25, 0.5, 0.75].map(|share| quantile(sorted, share)),
        })
    }
}

/// The facts of all columns, as a table of its own.
pub(super) fn all(table: &Table) -> (Vec<String>, Vec<Vec<Value>>) {
    const NAMES: [&str; 13] = [
        "column",
        "type",
        "count",
        "empty",
        "distinct",
        "min",
        "max",
        "mean",
        "q1",
        "median",
        "q3",
        "most frequent",
        "times",
    ];
    let row = |(at, column): (usize, &Column)| {
        let facts = of(table, at);
        let count = |n: usize| Value::Integer(i64::try_from(n).unwrap_or(i64::MAX));
        let number = |n: Option<f64>| n.map_or(Value::Null, Value::Real);
        let [q1, median, q3] = [0, 1, 2].map(|q| number(facts.numbers.map(|numbers| numbers.quartiles[q])));
        let (frequent, times) = facts.frequent.map_or((Value::Null, Value::Null), |(v, n)| (v, count(n)));
        vec![
            Value::Text(column.name.clone()),
            Value::Text(column.kind.name().to_owned()),
            count(facts.count),
            count(facts.empty),
            count(facts.distinct),
            facts.least,
            facts.most,
            number(facts.numbers.map(|numbers| numbers.mean)),
            q1,
            median,
            q3,
            frequent,
            times,
        ]
    };
    (NAMES.map(str::to_owned).to_vec(), table.columns.iter().enumerate().map(row).collect())
}

/// The facts of one column.
pub(super) fn of(table: &Table, at: usize) -> Facts {
    let mut values: Vec<&Value> =
        table.rows.iter().map(|row| &row[at]).filter(|value| **value != Value::Null).collect();
    values.sort_by(|a, b| order(a, b));
    let mut times: HashMap<String, usize> = HashMap::new();
    for value in &values {
        *times.entry(format!("{value:?}")).or_default() += 1;
    }
    let mut frequent: Option<(&Value, usize)> = None;
    for value in &values {
        let here = times.get(&format!("{value:?}")).copied().unwrap_or(0);
        if frequent.is_none_or(|(_, most)| here > most) {
            frequent = Some((value, here));
        }
    }
    let numbers = table.columns[at].kind.is_number().then(|| {
        let all: Vec<f64> = values.iter().filter_map(|value| number(value)).collect();
        Numbers::of(&all)
    });
    let first = |value: Option<&&Value>| value.map_or(Value::Null, |value| (*value).clone());
    Facts {
        count: values.len(),
        empty: table.rows.len() - values.len(),
        distinct: times.len(),
        least: first(values.first()),
        most: first(values.last()),
        numbers: numbers.flatten(),
        frequent: frequent.map(|(value, times)| (value.clone(), times)),
    }
}

/// A value as a number, if it is one.
pub(super) fn number(value: &Value) -> Option<f64> {
    match value {
        Value::Integer(whole) => Some(*whole as f64),
        Value::Real(real) => Some(*real),
        _ => None,
    }
}

fn order(a: &Value, b: &Value) -> std::cmp::Ordering {
    match (a, b) {
        (Value::Text(a), Value::Text(b)) => a.cmp(b),
        _ => number(a).unwrap_or(0.0).total_cmp(&number(b).unwrap_or(0.0)),
    }
}

/// What lies at this share of sorted values; between two of them in proportion.
fn quantile(sorted: &[f64], share: f64) -> f64 {
    let at = share * (sorted.len() - 1) as f64;
    let (below, above) = (sorted[at.floor() as usize], sorted[at.ceil() as usize]);
    below + (above - below) * at.fract()
}

#[cfg(test)]
mod tests {
    use super::super::read::read;
    use super::*;

    #[test]
    fn columns_have_statistics() {
        let table = Table::of(read(b"n,t\n4,b\n1,a\n2,b\n,c\n3,c\n").unwrap());
        let numbers = of(&table, 0);
        assert_eq!((numbers.count, numbers.empty, numbers.distinct), (4, 1, 4));
        assert_eq!((numbers.least, numbers.most), (Value::Integer(1), Value::Integer(4)));
        assert_eq!(numbers.numbers, Some(Numbers { mean: 2.5, quartiles: [1.75, 2.5, 3.25] }));
        let texts = of(&table, 1);
        assert_eq!(texts.frequent, Some((Value::Text("b".into()), 2)));
        assert_eq!((texts.distinct, texts.numbers), (3, None));
        assert_eq!(all(&table).1.len(), 2);
    }
}
