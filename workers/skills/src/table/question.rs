//! A question in words becomes a query, by rules: what shall be computed, of which column, of which rows, by what.
//! What the rules don't read for certain is no query; nothing is guessed.

use std::collections::HashSet;

use rusqlite::types::Value;

use super::kind::{Kind, Table};
use super::sql::{TABLE, quoted};

/// The most different values of a column that are looked for in a question.
const VALUES_MAX: usize = 2_000;

/// What is computed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Measure {
    Mean,
    Median,
    Sum,
    Least,
    Most,
    Count,
}

/// What a question means.
#[derive(Debug, PartialEq)]
pub(super) enum Meaning {
    /// What is in the table?
    Overview,
    /// One measure, perhaps for each value of a column.
    Measured(Measured),
    /// How the values of a column are spread.
    Spread(usize),
    /// How two columns hang together.
    Together(usize, usize),
}

/// One measure.
#[derive(Debug, PartialEq)]
pub(super) struct Measured {
    pub(super) measure: Measure,
    /// Of which column; the rows themselves when absent.
    pub(super) of: Option<usize>,
    pub(super) by: Option<usize>,
    pub(super) filters: Vec<Filter>,
    /// Only the group with the largest or the smallest measure is asked for.
    pub(super) only: Option<Extreme>,
}

/// Which end of an order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Extreme {
    Largest,
    Smallest,
}

/// Which rows count.
#[derive(Debug, PartialEq)]
pub(super) struct Filter {
    pub(super) column: usize,
    pub(super) sign: &'static str,
    pub(super) value: Value,
}

impl Measured {
    /// The query, and the values for it.
    pub(super) fn sql(&self, table: &Table) -> (String, Vec<Value>) {
        let name = |column: usize| quoted(&table.columns[column].name);
        let of = self.of.map_or("*".to_owned(), name);
        let measure = match self.measure {
            Measure::Mean => format!("avg({of})"),
            // SQLite has one where it was built so; this one always works.
            Measure::Median => return self.median(table),
            Measure::Sum => format!("sum({of})"),
            Measure::Least => format!("min({of})"),
            Measure::Most => format!("max({of})"),
            Measure::Count => "count(*)".to_owned(),
        };
        let (rows, values) = self.rows(table);
        let alias = quoted(&self.title(table));
        let Some(by) = self.by else {
            return (format!("SELECT {measure} AS {alias} FROM {TABLE}{rows}"), values);
        };
        (
            format!(
                "SELECT {by}, {measure} AS {alias} FROM {TABLE}{rows} GROUP BY {by} ORDER BY {order}",
                by = name(by),
                order = self.order(table, by)
            ),
            values,
        )
    }

    fn median(&self, table: &Table) -> (String, Vec<Value>) {
        let name = |column: usize| quoted(&table.columns[column].name);
        let of = self.of.map_or("1".to_owned(), name);
        let (rows, values) = self.rows(table);
        let rows = if rows.is_empty() {
            format!(" WHERE {of} IS NOT NULL")
        } else {
            format!("{rows} AND {of} IS NOT NULL")
        };
        let by = self.by.map_or("1".to_owned(), name);
        let shown = self.by.map_or(String::new(), |_| "g, ".to_owned());
        let alias = quoted(&self.title(table));
        let alias_by = self.by.map_or(String::new(), |_| format!("g AS {by}, "));
        let order = self.by.map_or("1", |by| self.order(table, by));
        let sql = format!(
            "WITH ranked AS (SELECT {by} AS g, {of} AS v, row_number() OVER (PARTITION BY {by} ORDER BY {of}) AS place, \
             count(*) OVER (PARTITION BY {by}) AS n FROM {TABLE}{rows}) \
             SELECT {alias_by}avg(v) AS {alias} FROM ranked WHERE place IN ((n + 1) / 2, (n + 2) / 2) \
             GROUP BY {shown}1 ORDER BY {order}"
        );
        // Without groups there is one group, of which nothing is shown.
        let sql = if self.by.is_none() { sql.replace(" GROUP BY 1 ORDER BY 1", "") } else { sql };
        (sql, values)
    }

    /// Days come as they follow, everything else the largest first.
    fn order(&self, table: &Table, by: usize) -> &'static str {
        match (self.only, table.columns[by].kind) {
            (Some(Extreme::Smallest), _) => "2 ASC, 1",
            (Some(Extreme::Largest), _) => "2 DESC, 1",
            (None, Kind::Date(_)) => "1",
            (None, _) => "2 DESC, 1",
        }
    }

    fn rows(&self, table: &Table) -> (String, Vec<Value>) {
        let mut conditions: Vec<String> = (self.filters.iter())
            .map(|filter| format!("{} {} ?", quoted(&table.columns[filter.column].name), filter.sign))
            .collect();
        if self.only.is_some() {
            // Who is the oldest is no question about those of whom nothing is known.
            conditions.extend(
                [self.of, self.by]
                    .into_iter()
                    .flatten()
                    .map(|at| format!("{} IS NOT NULL", quoted(&table.columns[at].name))),
            );
        }
        let values = self.filters.iter().map(|filter| filter.value.clone()).collect();
        match conditions.is_empty() {
            true => (String::new(), values),
            false => (format!(" WHERE {}", conditions.join(" AND ")), values),
        }
    }

    /// What the measure is called in a table and on an axis.
    pub(super) fn title(&self, table: &Table) -> String {
        let measure = match self.measure {
            Measure::Mean => "mean",
            Measure::Median => "median",
            Measure::Sum => "sum",
            Measure::Least => "min",
            Measure::Most => "max",
            Measure::Count => "count",
        };
        match self.of {
            Some(of) if self.measure != Measure::Count => format!("{measure} {}", table.columns[of].name),
            _ => measure.to_owned(),
        }
    }
}

const MEASURES: &[(Measure, &[&str])] = &[
    (
        Measure::Mean,
        &[
            "mean",
            "average",
            "avg",
            "durchschnitt",
            "durchschnittlich",
            "durchschnittliche",
            "mittelwert",
            "mittlere",
            "moyenne",
            "moyen",
            "media",
            "promedio",
            "medio",
        ],
    ),
    (Measure::Median, &["median", "médiane", "mediana"]),
    (Measure::Sum, &["sum", "total", "summe", "gesamt", "insgesamt", "somme", "totale", "suma", "somma"]),
    (
        Measure::Least,
        &[
            "min",
            "minimum",
            "lowest",
            "smallest",
            "least",
            "cheapest",
            "kleinste",
            "kleinster",
            "niedrigste",
            "niedrigster",
            "geringste",
            "minimal",
            "mínimo",
            "minimo",
            "minima",
            "mínima",
        ],
    ),
    (
        Measure::Most,
        &[
            "max",
            "maximum",
            "highest",
            "largest",
            "biggest",
            "greatest",
            "größte",
            "größter",
            "höchste",
            "höchster",
            "maximal",
            "máximo",
            "massimo",
            "massima",
            "máxima",
        ],
    ),
    (
        Measure::Count,
        &[
            "count",
            "number",
            "how many",
            "anzahl",
            "wie viele",
            "wieviele",
            "combien",
            "nombre",
            "cuántos",
            "cuántas",
            "cuantos",
            "cuantas",
            "quanti",
            "quante",
            "número",
            "numero",
        ],
    ),
];
const BY: &[&str] = &[
    "by", "per", "each", "every", "je", "pro", "nach", "jede", "jeden", "jedes", "par", "chaque", "por",
    "cada", "ogni",
];
const WHICH: &[&str] = &[
    "which", "who", "what", "where", "welche", "welcher", "welches", "wer", "wo", "quel", "quelle", "qui",
    "qué", "que", "cuál", "cual", "quién", "quale", "chi",
];
const MOST: &[&str] = &["most", "meisten", "meiste", "plus", "más", "più"];
const FEWEST: &[&str] = &["least", "fewest", "wenigsten", "wenigste", "moins", "menos", "meno"];
const LARGEST: &[&str] =
    &["highest", "largest", "biggest", "greatest", "höchste", "höchsten", "größte", "größten", "maximum"];
const SMALLEST: &[&str] =
    &["lowest", "smallest", "niedrigste", "niedrigsten", "kleinste", "kleinsten", "geringsten", "minimum"];
const SPREAD: &[&str] = &[
    "histogram",
    "distribution",
    "spread",
    "histogramm",
    "verteilung",
    "histogramme",
    "répartition",
    "histograma",
    "distribución",
    "istogramma",
    "distribuzione",
];
const TOGETHER: &[&str] = &[
    "scatter",
    "against",
    "versus",
    "vs",
    "streudiagramm",
    "gegen",
    "nuage",
    "contre",
    "dispersión",
    "contra",
    "dispersione",
    "contro",
];
const OVERVIEW: &[&str] = &[
    "analyse",
    "analyze",
    "summary",
    "summarise",
    "summarize",
    "describe",
    "overview",
    "statistics",
    "columns",
    "analysiere",
    "auswerten",
    "beschreibe",
    "überblick",
    "statistik",
    "spalten",
    "décris",
    "résume",
    "statistiques",
    "colonnes",
    "analiza",
    "describe",
    "resume",
    "estadísticas",
    "columnas",
    "analizza",
    "descrivi",
    "statistiche",
    "colonne",
];
/// Words after which a value may stand that says which rows count.
const OF_ROWS: &[&str] = &[
    "in", "is", "for", "from", "where", "with", "of", "=", "ist", "für", "aus", "von", "mit", "wo", "est",
    "pour", "à", "dans", "de", "es", "para", "en", "con", "è", "di", "a", "are",
];
/// Words that say that not all rows count: a question with one of them and no filter that is understood is not answered.
const CONDITION: &[&str] = &[
    "where", "if", "when", "except", "without", "not", "between", "before", "after", "since", "until",
    "wenn", "ohne", "außer", "nicht", "zwischen", "vor", "seit", "bis", "sans", "sauf", "entre", "avant",
    "après", "sin", "excepto", "senza", "tranne", "tra", "prima", "dopo", "or", "oder", "ou", "o",
];
const ABOVE: &[&str] = &[
    ">",
    "over",
    "above",
    "more than",
    "greater than",
    "über",
    "mehr als",
    "größer als",
    "plus de",
    "supérieur à",
    "más de",
    "mayor que",
    "più di",
    "maggiore di",
];
const BELOW: &[&str] = &[
    "<",
    "under",
    "below",
    "less than",
    "smaller than",
    "unter",
    "weniger als",
    "kleiner als",
    "moins de",
    "inférieur à",
    "menos de",
    "menor que",
    "meno di",
    "minore di",
];

/// What the words mean for this table; nothing when the rules can't say for certain.
pub(super) fn meaning(words: &str, table: &Table) -> Option<Meaning> {
    let words = tokens(words);
    let mut used = vec![false; words.len()];
    let mentions = mentions(&words, table, &mut used);
    let free = |list: &[&str]| {
        list.iter().find_map(|phrase| {
            let phrase = tokens(phrase);
            let at = words.windows(phrase.len()).position(|here| here == phrase)?;
            used[at..at + phrase.len()].iter().all(|used| !used).then_some(at)
        })
    };
    let is_number = |at: usize| table.columns[at].kind.is_number();
    let columns: Vec<usize> = mentions.iter().map(|mention| mention.column).collect();
    let numbers: Vec<usize> = columns.iter().copied().filter(|at| is_number(*at)).collect();
    if free(SPREAD).is_some() {
        return numbers.first().copied().map(Meaning::Spread);
    }
    if let (Some(_), [x, y]) = (free(TOGETHER), &numbers[..]) {
        return Some(Meaning::Together(*x, *y));
    }

    let mut by: Option<&Mention> = mentions.iter().find(|mention| {
        let before = |back: usize| mention.start.checked_sub(back).map(|at| words[at].as_str());
        let is_by = |word: Option<&str>| word.is_some_and(|word| BY.contains(&word));
        is_by(before(1)) || (is_by(before(2)) && matches!(before(1), Some("each" | "the" | "der" | "dem")))
    });
    let asks_which = words.first().is_some_and(|word| WHICH.contains(&word.as_str()));
    let end = [
        (LARGEST, Extreme::Largest, false),
        (SMALLEST, Extreme::Smallest, false),
        (MOST, Extreme::Largest, true),
        (FEWEST, Extreme::Smallest, true),
    ];
    let end = end.into_iter().find_map(|(list, end, adds)| free(list).map(|at| (at, end, adds)));

    let filters = filters(&words, &mentions, table, &mut used.clone());
    let unread = CONDITION.iter().any(|word| {
        let is_question = |at: usize| at == 0;
        words.iter().enumerate().any(|(at, here)| here == word && !used[at] && !is_question(at))
    });
    if unread && filters.is_empty() {
        return None;
    }
    let is_filter = |mention: &&Mention| filters.iter().any(|filter| filter.column == mention.column);

    let who =
        end.and_then(|(at, ..)| mentions.iter().find(|mention| mention.start < at && !is_filter(mention)));
    if let (true, Some((at, end, adds)), None, Some(who)) = (asks_which, end, by, who) {
        let what = mentions.iter().find(|mention| mention.start > at && mention.column != who.column);
        let measured = |measure, of| Measured { measure, of, by: Some(who.column), filters, only: Some(end) };
        return match what {
            Some(what) if !is_number(what.column) => None,
            Some(what) if adds => Some(Meaning::Measured(measured(Measure::Sum, Some(what.column)))),
            Some(what) if end == Extreme::Largest => {
                Some(Meaning::Measured(measured(Measure::Most, Some(what.column))))
            }
            Some(what) => Some(Meaning::Measured(measured(Measure::Least, Some(what.column)))),
            // The most frequent one.
            None => Some(Meaning::Measured(measured(Measure::Count, None))),
        };
    }

    let measure = MEASURES.iter().find(|(_, names)| free(names).is_some()).map(|(measure, _)| *measure);
    let mut of = mentions.iter().find(|mention| {
        by.is_none_or(|by| by.start != mention.start)
            && is_number(mention.column)
            && !(is_filter(mention) && numbers.len() > 1)
    });
    if let (None, Some(_), [first, second]) = (measure, by, &mentions[..]) {
        // "Sales by town": what can be added is added.
        of = [first, second].into_iter().find(|mention| is_number(mention.column));
        by = [first, second].into_iter().find(|mention| Some(mention.column) != of.map(|of| of.column));
    }
    let measured = |measure, of: Option<&Mention>, filters| {
        let (of, by) = (of.map(|of| of.column), by.map(|by| by.column));
        Meaning::Measured(Measured { measure, of, by, filters, only: None })
    };
    match (measure, of) {
        (Some(Measure::Count), _) => Some(measured(Measure::Count, None, filters)),
        (Some(measure), Some(of)) => Some(measured(measure, Some(of), filters)),
        (Some(measure @ (Measure::Least | Measure::Most)), None) => {
            // Days have a first and a last one too.
            let day =
                mentions.iter().find(|mention| matches!(table.columns[mention.column].kind, Kind::Date(_)));
            day.map(|day| measured(measure, Some(day), filters))
        }
        (Some(_), None) => None,
        (None, Some(of)) if by.is_some() => Some(measured(Measure::Sum, Some(of), filters)),
        (None, _)
            if columns.is_empty() && filters.is_empty() && (words.is_empty() || free(OVERVIEW).is_some()) =>
        {
            Some(Meaning::Overview)
        }
        (None, _) => None,
    }
}

/// A column that the words name.
#[derive(Debug)]
struct Mention {
    column: usize,
    start: usize,
    end: usize,
}

/// All of them, the longest name where several fit.
fn mentions(words: &[String], table: &Table, used: &mut [bool]) -> Vec<Mention> {
    let names: Vec<Vec<String>> = table.columns.iter().map(|column| tokens(&column.name)).collect();
    let mut found = Vec::new();
    let mut start = 0;
    while start < words.len() {
        let fits = |name: &&Vec<String>| {
            !name.is_empty()
                && name.len() <= words.len() - start
                && name.iter().zip(&words[start..]).all(|(a, b)| same_word(a, b))
        };
        let best =
            (names.iter().enumerate()).filter(|(_, name)| fits(name)).max_by_key(|(_, name)| name.len());
        let Some((column, name)) = best else {
            start += 1;
            continue;
        };
        let end = start + name.len();
        used[start..end].fill(true);
        found.push(Mention { column, start, end });
        start = end;
    }
    found
}

/// Which rows count: a value of a column after a word that may come before one, or a column over or under a number.
fn filters(words: &[String], mentions: &[Mention], table: &Table, used: &mut [bool]) -> Vec<Filter> {
    let mut filters = Vec::new();
    for mention in mentions.iter().filter(|mention| table.columns[mention.column].kind.is_number()) {
        let mut at = mention.end;
        while words
            .get(at)
            .is_some_and(|word| ["is", "are", "ist", "est", "es", "è"].contains(&word.as_str()))
        {
            at += 1;
        }
        let sign = [(ABOVE, ">"), (BELOW, "<")].into_iter().find_map(|(list, sign)| {
            list.iter().find_map(|phrase| {
                let phrase = tokens(phrase);
                words[at..].starts_with(&phrase).then_some((sign, at + phrase.len()))
            })
        });
        let (sign, at) = match sign {
            Some(found) => found,
            None if at > mention.end => ("=", at),
            None => continue,
        };
        let kind = Kind::Decimal {
            comma: matches!(table.columns[mention.column].kind, Kind::Decimal { comma: true }),
        };
        let value = words.get(at).and_then(|word| kind.value(word));
        if let Some(value) = value {
            used[at] = true;
            filters.push(Filter { column: mention.column, sign, value });
        }
    }
    for (column, of) in table.columns.iter().enumerate() {
        if !matches!(of.kind, Kind::Text) {
            continue;
        }
        let mut values = HashSet::new();
        for value in table.rows.iter().map(|row| &row[column]) {
            if let Value::Text(text) = value
                && values.len() < VALUES_MAX
            {
                values.insert(text.as_str());
            }
        }
        let mut best: Option<(usize, &str)> = None;
        for value in values {
            let name = tokens(value);
            let found = !name.is_empty()
                && (1..words.len()).any(|at| {
                    words[at..].starts_with(&name)
                        && used[at..at + name.len()].iter().all(|used| !used)
                        && (OF_ROWS.contains(&words[at - 1].as_str())
                            || mentions.iter().any(|mention| mention.end == at && mention.column == column))
                });
            // The longest, and the first in order of those, so that the same words always mean the same.
            let key = (name.len(), value);
            if found && best.is_none_or(|best| key > best) {
                best = Some(key);
            }
        }
        if let Some((_, value)) = best {
            filters.push(Filter { column, sign: "=", value: Value::Text(value.to_owned()) });
        }
    }
    filters
}

/// Whether two words are the same but for a plural.
fn same_word(a: &str, b: &str) -> bool {
    let (short, long) = if a.len() <= b.len() { (a, b) } else { (b, a) };
    let plural = |ending: &&str| long.strip_suffix(*ending) == Some(short);
    let ies = short.strip_suffix('y').is_some_and(|stem| long.strip_suffix("ies") == Some(stem));
    short == long || (short.chars().count() >= 3 && (["s", "es", "n", "en", "e"].iter().any(plural) || ies))
}

/// Words in lower case, numbers whole, and the signs of comparison.
fn tokens(text: &str) -> Vec<String> {
    let lower = text.to_lowercase();
    let mut tokens = Vec::new();
    let mut word = String::new();
    let mut before = ' ';
    for c in lower.chars().chain([' ']) {
        let in_number = matches!(c, '.' | ',') && before.is_ascii_digit();
        if c.is_alphanumeric() || in_number {
            word.push(c);
        } else if !word.is_empty() {
            tokens.push(std::mem::take(&mut word).trim_end_matches(['.', ',']).to_owned());
        }
        if matches!(c, '<' | '>' | '=') {
            tokens.push(c.to_string());
        }
        before = c;
    }
    tokens
}

#[cfg(test)]
mod tests {
    use super::super::read::read;
    use super::super::sql::Database;
    use super::*;

    const HOUSES: &str = "Town,Street,Price,Rooms,Sold on\n\
        Berlin,Elm,100,2,2026-01-01\nBerlin,Oak,300,4,2026-01-02\nBonn,Elm,50,1,2026-01-02\nBad Ems,Ash,70,3,2026-01-03\n";

    fn answers(words: &str) -> Vec<Vec<Value>> {
        let table = Table::of(read(HOUSES.as_bytes()).unwrap());
        let Some(Meaning::Measured(measured)) = meaning(words, &table) else {
            panic!("{words}: {:?}", meaning(words, &table))
        };
        let (sql, values) = measured.sql(&table);
        Database::of(&table).unwrap().ask(&sql, &values).unwrap_or_else(|error| panic!("{sql}: {error}")).rows
    }

    fn one(words: &str) -> f64 {
        super::super::facts::number(&answers(words)[0][0]).unwrap()
    }

    fn first(words: &str) -> (String, f64) {
        match &answers(words)[0][..] {
            [Value::Text(group), value] => (group.clone(), super::super::facts::number(value).unwrap()),
            other => panic!("{words}: {other:?}"),
        }
    }

    #[test]
    fn measures_of_columns() {
        assert_eq!(one("What is the mean price?"), 130.0);
        assert_eq!(one("Wie hoch ist der Durchschnitt von Price?"), 130.0);
        assert_eq!(one("median price"), 85.0);
        assert_eq!(one("the total of all rooms"), 10.0);
        assert_eq!(one("What is the highest price?"), 300.0);
        assert_eq!(one("How many rows are there?"), 4.0);
        assert_eq!(one("Quel est le minimum de price"), 50.0);
    }

    #[test]
    fn rows_are_chosen() {
        assert_eq!(one("mean price in Berlin"), 200.0);
        assert_eq!(one("sum of price where town is bad ems"), 70.0);
        assert_eq!(one("How many houses with price over 60?"), 3.0);
        assert_eq!(one("how many where rooms is 2"), 1.0);
        assert_eq!(one("count where price < 100 and street is Elm"), 1.0);
    }

    #[test]
    fn groups_and_the_best_of_them() {
        assert_eq!(first("mean price by town"), ("Berlin".into(), 200.0));
        assert_eq!(first("Summe der Rooms je Town"), ("Berlin".into(), 6.0));
        assert_eq!(first("price by sold on"), ("2026-01-01".into(), 100.0));
        assert_eq!(first("median price per town"), ("Berlin".into(), 200.0));
        assert_eq!(first("Which town has the most rooms?"), ("Berlin".into(), 6.0));
        assert_eq!(first("Which street has the lowest price?"), ("Elm".into(), 50.0));
        assert_eq!(first("How many by street"), ("Elm".into(), 2.0));
        assert_eq!(first("Which street is the most frequent?"), ("Elm".into(), 2.0));
    }

    #[test]
    fn what_is_not_understood_is_not_guessed() {
        let table = Table::of(read(HOUSES.as_bytes()).unwrap());
        for words in [
            "mean price where the moon is full",
            "mean happiness",
            "What will the weather be?",
            "mean price before 2026",
            "what about town",
        ] {
            assert_eq!(meaning(words, &table), None, "{words}");
        }
        assert_eq!(meaning("Analyse this CSV", &table), Some(Meaning::Overview));
        assert_eq!(meaning("histogram of price", &table), Some(Meaning::Spread(2)));
        assert_eq!(meaning("plot price against rooms", &table), Some(Meaning::Together(2, 3)));
    }
}
