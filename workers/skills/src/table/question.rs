//! A question in words becomes a query, by rules: what shall be computed, of which column, of which rows, by what.
//! What the rules don't read for certain is no query; nothing is guessed.

use std::collections::{HashMap, HashSet};
use std::ops::Range;

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
    Spread(usize, Vec<Filter>),
    /// How two columns hang together: what is drawn upwards, and along which one.
    Together(usize, usize, Vec<Filter>),
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
        // Who is the oldest is no question about those of whom nothing is known.
        let present = [self.of, self.by].into_iter().flatten().filter(|_| self.only.is_some());
        rows_sql(&self.filters, &present.collect::<Vec<_>>(), table)
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
    "scatter plot",
    "scatter",
    "against",
    "versus",
    "vs",
    "streudiagramm",
    "gegen",
    "nuage de points",
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
/// Words between a column and the number that it is.
const IS: &[&str] = &["is", "are", "ist", "sind", "est", "es", "è", "="];
/// Comparisons, and how they are said: what is longer before what it begins with.
const COMPARISONS: &[(&str, &[&str])] = &[
    (">=", &["> =", "at least", "mindestens", "au moins", "al menos", "almeno"]),
    ("<=", &["< =", "at most", "höchstens", "au plus", "como máximo", "al massimo"]),
    (
        ">",
        &[
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
        ],
    ),
    (
        "<",
        &[
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
        ],
    ),
];
/// What says how often something is there.
const FREQUENT: &[&str] =
    &["frequent", "common", "often", "häufigste", "häufigsten", "fréquent", "frecuente", "frequente"];
/// Words that change nothing in what is asked. No word belongs here that could choose rows, such as "not" or "or".
const FILLERS: &[&str] = &[
    // English
    "a",
    "an",
    "the",
    "of",
    "in",
    "for",
    "from",
    "with",
    "where",
    "is",
    "are",
    "was",
    "were",
    "be",
    "do",
    "does",
    "did",
    "has",
    "have",
    "had",
    "there",
    "this",
    "these",
    "all",
    "and",
    "to",
    "on",
    "what",
    "which",
    "who",
    "how much",
    "how high",
    "how large",
    "me",
    "us",
    "please",
    "show",
    "give",
    "tell",
    "find",
    "calculate",
    "compute",
    "draw",
    "plot",
    "chart",
    "graph",
    "diagram",
    "make",
    "get",
    "can you",
    "i",
    "want",
    "s",
    "row",
    "rows",
    "records",
    "entries",
    "lines",
    "value",
    "values",
    "table",
    "data",
    "csv",
    "file",
    "column",
    // German
    "der",
    "die",
    "das",
    "den",
    "dem",
    "des",
    "ein",
    "eine",
    "einer",
    "eines",
    "einem",
    "einen",
    "ist",
    "sind",
    "war",
    "waren",
    "hat",
    "haben",
    "gibt",
    "es",
    "und",
    "von",
    "vom",
    "im",
    "aus",
    "für",
    "mit",
    "wo",
    "zu",
    "zum",
    "zur",
    "am",
    "alle",
    "aller",
    "allen",
    "diese",
    "dieser",
    "dieses",
    "bitte",
    "zeige",
    "zeig",
    "mir",
    "berechne",
    "zeichne",
    "finde",
    "nenne",
    "was",
    "wer",
    "welche",
    "welcher",
    "welches",
    "wie hoch",
    "wie groß",
    "wie viel",
    "lautet",
    "beträgt",
    "zeile",
    "zeilen",
    "einträge",
    "wert",
    "werte",
    "tabelle",
    "daten",
    "datei",
    "spalte",
    // French
    "le",
    "la",
    "les",
    "l",
    "un",
    "une",
    "du",
    "de",
    "des",
    "d",
    "qu",
    "c",
    "est",
    "sont",
    "était",
    "ont",
    "y",
    "il",
    "et",
    "dans",
    "à",
    "au",
    "aux",
    "en",
    "pour",
    "avec",
    "où",
    "quel",
    "quelle",
    "quels",
    "quelles",
    "qui",
    "que",
    "tous",
    "toutes",
    "ce",
    "cette",
    "ces",
    "montre",
    "moi",
    "calcule",
    "dessine",
    "ligne",
    "lignes",
    "valeur",
    "valeurs",
    "tableau",
    "données",
    "fichier",
    "colonne",
    // Spanish
    "el",
    "los",
    "las",
    "una",
    "unos",
    "unas",
    "del",
    "al",
    "son",
    "era",
    "hay",
    "tiene",
    "tienen",
    "para",
    "con",
    "donde",
    "dónde",
    "cuál",
    "cual",
    "cuáles",
    "qué",
    "quién",
    "todos",
    "todas",
    "este",
    "esta",
    "estos",
    "estas",
    "muestra",
    "calcula",
    "dibuja",
    "por favor",
    "fila",
    "filas",
    "valor",
    "valores",
    "tabla",
    "datos",
    "archivo",
    "columna",
    // Italian
    "lo",
    "i",
    "gli",
    "uno",
    "di",
    "della",
    "dei",
    "delle",
    "dello",
    "degli",
    "è",
    "sono",
    "ha",
    "hanno",
    "ci",
    "e",
    "dove",
    "qual",
    "quale",
    "quali",
    "chi",
    "che",
    "cosa",
    "tutti",
    "tutte",
    "questo",
    "questa",
    "questi",
    "queste",
    "mostra",
    "disegna",
    "riga",
    "righe",
    "valore",
    "tabella",
    "dati",
    "colonna",
    "nel",
    "nella",
    "da",
];

/// What the words mean for this table.
///
/// # Errors
/// The words that the rules can't read, when they can't say for certain what is meant: each word that means something has its
/// place in the query, or there is no query.
pub(super) fn meaning(words: &str, table: &Table) -> Result<Meaning, Vec<String>> {
    let mut reader = Reader::of(words, table);
    let meaning = reader.meaning();
    if meaning.is_none() {
        // Words that mean something are not to blame.
        reader.read_columns(|_| true);
        let measures = MEASURES.iter().map(|(_, names)| *names);
        let lists = [BY, MOST, FEWEST, LARGEST, SMALLEST, SPREAD, TOGETHER, OVERVIEW, FREQUENT];
        for list in lists.into_iter().chain(measures) {
            reader.keyword(list).into_iter().for_each(|at| reader.take(at));
        }
    }
    let unread = reader.unread();
    meaning.filter(|_| unread.is_empty()).ok_or(unread)
}

/// Reads a question, and remembers which of its words it has read.
#[derive(Debug)]
struct Reader<'a> {
    words: Vec<String>,
    table: &'a Table,
    mentions: Vec<Mention>,
    /// Which words name a column, or belong to a filter: they are no keywords.
    named: Vec<bool>,
    /// Which words have their place in the query.
    read: Vec<bool>,
}

impl<'a> Reader<'a> {
    fn of(words: &str, table: &'a Table) -> Self {
        let words = tokens(words);
        let mut named = vec![false; words.len()];
        let mentions = mentions(&words, table, &mut named);
        let read = vec![false; words.len()];
        Self { words, table, mentions, named, read }
    }

    fn meaning(&mut self) -> Option<Meaning> {
        let filters = self.filters();
        let table = self.table;
        let is_number = |at: usize| table.columns[at].kind.is_number();
        let is_filter = |column: usize| filters.iter().any(|filter| filter.column == column);
        let mut numbers: Vec<usize> = Vec::new();
        for column in self.mentions.iter().map(|mention| mention.column).filter(|at| is_number(*at)) {
            if !numbers.contains(&column) {
                numbers.push(column);
            }
        }
        // A column that chooses rows may be the one that is asked for too, when there is no other one.
        let asked: Vec<usize> = numbers.iter().copied().filter(|column| !is_filter(*column)).collect();
        if let Some(at) = self.keyword(SPREAD) {
            let column = *asked.first().or(numbers.first())?;
            self.take(at);
            self.read_columns(|at| at == column);
            return Some(Meaning::Spread(column, filters));
        }
        if let Some(at) = self.keyword(TOGETHER) {
            let (([x, y], _) | (_, [x, y])) = (&asked[..], &numbers[..]) else { return None };
            let (x, y) = (*x, *y);
            self.take(at);
            self.read_columns(|at| at == x || at == y);
            return Some(Meaning::Together(x, y, filters));
        }

        let mut by = self.by();
        let who = self.who(by, &filters);
        if let Some(Who { place, end, adds, column: who }) = who {
            let what = self.mentions.iter().find(|m| m.start >= place.end && m.column != who);
            let what = what.map(|mention| mention.column).filter(|at| !is_filter(*at) || asked.is_empty());
            if what.is_some_and(|what| !is_number(what)) {
                return None;
            }
            let measures = MEASURES
                .iter()
                .filter(|(measure, _)| matches!(measure, Measure::Mean | Measure::Median | Measure::Sum));
            let said =
                measures.into_iter().find_map(|(measure, names)| Some((*measure, self.keyword(names)?)));
            let measure = match (&said, what) {
                (Some((measure, _)), Some(_)) => *measure,
                // The most frequent one.
                (_, None) => Measure::Count,
                (None, Some(_)) if adds => Measure::Sum,
                (None, Some(_)) if end == Extreme::Largest => Measure::Most,
                (None, Some(_)) => Measure::Least,
            };
            self.take(place);
            if let (Some((_, at)), Some(_)) = (said, what) {
                self.take(at);
            }
            if let (None, Some(at)) = (what, self.keyword(FREQUENT)) {
                self.take(at);
            }
            self.read_columns(|at| at == who || Some(at) == what);
            return Some(Meaning::Measured(Measured {
                measure,
                of: what,
                by: Some(who),
                filters,
                only: Some(end),
            }));
        }

        let said = MEASURES.iter().find_map(|(measure, names)| Some((*measure, self.keyword(names)?)));
        let is_by = |mention: &Mention| by.is_some_and(|by| by.start == mention.start);
        let mut of = (self.mentions.iter().copied()).find(|mention| {
            !is_by(mention) && is_number(mention.column) && !(is_filter(mention.column) && numbers.len() > 1)
        });
        if let (None, Some(_), [first, second]) = (&said, by, &self.mentions[..]) {
            // "Sales by town": what can be added is added.
            of = [first, second].into_iter().find(|mention| is_number(mention.column)).copied();
            by = [first, second].into_iter().find(|m| Some(m.column) != of.map(|of| of.column)).copied();
        }
        // Days have a first and a last one too.
        let day =
            self.mentions.iter().find(|m| matches!(table.columns[m.column].kind, Kind::Date(_))).copied();
        let (measure, of) = match (said.as_ref().map(|(measure, _)| *measure), of) {
            (Some(Measure::Count), _) => (Measure::Count, None),
            (Some(measure), Some(of)) => (measure, Some(of)),
            (Some(measure @ (Measure::Least | Measure::Most)), None) => (measure, Some(day?)),
            (Some(_), None) => return None,
            (None, Some(of)) if by.is_some() => (Measure::Sum, Some(of)),
            (None, _) if self.mentions.is_empty() && filters.is_empty() => {
                if let Some(at) = self.keyword(OVERVIEW) {
                    self.take(at);
                    return Some(Meaning::Overview);
                }
                return self.words.is_empty().then_some(Meaning::Overview);
            }
            (None, _) => return None,
        };
        if let Some((_, at)) = said {
            self.take(at);
        }
        let (of, by) = (of.map(|of| of.column), by.map(|by| by.column));
        self.read_columns(|at| Some(at) == of || Some(at) == by);
        Some(Meaning::Measured(Measured { measure, of, by, filters, only: None }))
    }

    /// The column by whose values is asked.
    fn by(&mut self) -> Option<Mention> {
        const BETWEEN: &[&str] = &["each", "the", "der", "dem"];
        let is =
            |at: Option<usize>, list: &[&str]| at.is_some_and(|at| list.contains(&self.words[at].as_str()));
        let (mention, word) = self.mentions.iter().find_map(|mention| {
            let (one, two) = (mention.start.checked_sub(1), mention.start.checked_sub(2));
            if is(two, BY) && is(one, BETWEEN) {
                return Some((*mention, two?));
            }
            is(one, BY).then_some((*mention, one?))
        })?;
        self.read[word..mention.start].fill(true);
        Some(mention)
    }

    /// Which column is asked for, when the words ask who has the most.
    fn who(&self, by: Option<Mention>, filters: &[Filter]) -> Option<Who> {
        if by.is_some() || !WHICH.contains(&self.words.first()?.as_str()) {
            return None;
        }
        let ends = [
            (LARGEST, Extreme::Largest, false),
            (SMALLEST, Extreme::Smallest, false),
            (MOST, Extreme::Largest, true),
            (FEWEST, Extreme::Smallest, true),
        ];
        let (place, end, adds) =
            ends.into_iter().find_map(|(list, end, adds)| Some((self.keyword(list)?, end, adds)))?;
        let is_filter = |column: usize| filters.iter().any(|filter| filter.column == column);
        let who = self.mentions.iter().find(|m| m.start < place.start && !is_filter(m.column))?;
        Some(Who { place, end, adds, column: who.column })
    }

    /// Where one of these phrases stands, outside of names.
    fn keyword(&self, list: &[&str]) -> Option<Range<usize>> {
        list.iter().find_map(|phrase| self.places(phrase).into_iter().next())
    }

    fn places(&self, phrase: &str) -> Vec<Range<usize>> {
        let phrase = tokens(phrase);
        let starts = (0..self.words.len()).filter(|at| self.words[*at..].starts_with(&phrase));
        let places = starts.map(|at| at..at + phrase.len());
        places.filter(|at| !self.named[at.clone()].contains(&true)).collect()
    }

    fn take(&mut self, at: Range<usize>) {
        self.read[at].fill(true);
    }

    /// The names of these columns have been read.
    fn read_columns(&mut self, which: impl Fn(usize) -> bool) {
        for mention in self.mentions.iter().filter(|mention| which(mention.column)) {
            self.read[mention.start..mention.end].fill(true);
        }
    }

    /// The words that have no place in the query, and are no fillers.
    fn unread(&mut self) -> Vec<String> {
        for filler in FILLERS {
            self.places(filler).into_iter().for_each(|at| self.take(at));
        }
        let unread = self.words.iter().zip(&self.read).filter(|(_, read)| !**read);
        unread.map(|(word, _)| word.clone()).collect()
    }

    /// Which rows count: a value of a column after a word that may come before one, or a column over or under a number.
    fn filters(&mut self) -> Vec<Filter> {
        let mut filters = self.number_filters();
        filters.extend(self.value_filters());
        filters
    }

    fn number_filters(&mut self) -> Vec<Filter> {
        let mut filters = Vec::new();
        for mention in self.mentions.clone() {
            let of = self.table.columns[mention.column].kind;
            if !of.is_number() {
                continue;
            }
            let mut at = mention.end;
            while self.words.get(at).is_some_and(|word| IS.contains(&word.as_str())) {
                at += 1;
            }
            let sign = COMPARISONS.iter().find_map(|(sign, phrases)| {
                phrases.iter().find_map(|phrase| {
                    let phrase = tokens(phrase);
                    self.words[at..].starts_with(&phrase).then_some((*sign, at + phrase.len()))
                })
            });
            let (sign, at) = match sign {
                Some(found) => found,
                None if at > mention.end => ("=", at),
                None => continue,
            };
            let kind = Kind::Decimal { comma: matches!(of, Kind::Decimal { comma: true }) };
            let free = self.named.get(mention.end..=at).is_some_and(|named| !named.contains(&true));
            let value = self.words.get(at).filter(|_| free).and_then(|word| kind.value(word));
            if let Some(value) = value {
                self.named[mention.end..=at].fill(true);
                self.read[mention.start..=at].fill(true);
                filters.push(Filter { column: mention.column, sign, value });
            }
        }
        filters
    }

    /// Values of text columns. Words that are a value of several columns, none of which is named, choose nothing.
    fn value_filters(&mut self) -> Vec<Filter> {
        let table = self.table;
        let mut values: HashMap<Vec<String>, Vec<(usize, &str)>> = HashMap::new();
        for (column, _) in table.columns.iter().enumerate().filter(|(_, of)| matches!(of.kind, Kind::Text)) {
            let mut seen = HashSet::new();
            for value in table.rows.iter().map(|row| &row[column]) {
                if let Value::Text(text) = value
                    && seen.len() < VALUES_MAX
                    && seen.insert(text.to_ascii_lowercase())
                {
                    values.entry(tokens(text)).or_default().push((column, text));
                }
            }
        }
        let mut filters: Vec<Filter> = Vec::new();
        let mut start = 1;
        while start < self.words.len() {
            // "Town is Bonn" names the column as well as "town Bonn" does.
            let is = IS.contains(&self.words[start - 1].as_str());
            let named = self.mentions.iter().find(|mention| mention.end == start - usize::from(is)).copied();
            let column = named.map(|mention| mention.column);
            let after = OF_ROWS.contains(&self.words[start - 1].as_str());
            // The longest of them.
            let found = (start + 1..=self.words.len()).rev().find_map(|end| {
                let of = values.get(&self.words[start..end])?;
                let free = !self.named[start..end].contains(&true);
                let of_named: Vec<_> = of.iter().filter(|(of, _)| Some(*of) == column).collect();
                let one = match (&of_named[..], &of[..]) {
                    ([one], _) => **one,
                    ([], [one]) if after && column.is_none() => *one,
                    _ => return None,
                };
                // In one town and in another one is nobody.
                let again = filters.iter().any(|filter| filter.column == one.0);
                (free && !again).then_some((end, one))
            });
            let Some((end, (column, value))) = found else {
                start += 1;
                continue;
            };
            self.named[start..end].fill(true);
            self.read[start..end].fill(true);
            self.read[named.map_or(start - usize::from(after), |mention| mention.start)..start].fill(true);
            filters.push(Filter { column, sign: "=", value: Value::Text(value.to_owned()) });
            start = end;
        }
        filters
    }
}

/// The rows that these filters let through, and have something in these columns: the end of a query, and the values for it.
pub(super) fn rows_sql(filters: &[Filter], present: &[usize], table: &Table) -> (String, Vec<Value>) {
    let name = |column: usize| quoted(&table.columns[column].name);
    let chosen = filters.iter().map(|filter| format!("{} {} ?", name(filter.column), filter.sign));
    let there = present.iter().map(|column| format!("{} IS NOT NULL", name(*column)));
    let conditions: Vec<String> = chosen.chain(there).collect();
    let values = filters.iter().map(|filter| filter.value.clone()).collect();
    if conditions.is_empty() {
        return (String::new(), values);
    }
    (format!(" WHERE {}", conditions.join(" AND ")), values)
}

/// Who has the most?
#[derive(Debug)]
struct Who {
    /// Where it stands which end of the order is asked for.
    place: Range<usize>,
    end: Extreme,
    /// Whether it is about all that each one has together.
    adds: bool,
    column: usize,
}

/// A column that the words name.
#[derive(Debug, Clone, Copy)]
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

/// Whether two words are the same but for a plural.
fn same_word(a: &str, b: &str) -> bool {
    let (short, long) = if a.len() <= b.len() { (a, b) } else { (b, a) };
    let plural = |ending: &&str| long.strip_suffix(*ending) == Some(short);
    let ies = short.strip_suffix('y').is_some_and(|stem| long.strip_suffix("ies") == Some(stem));
    short == long || (short.chars().count() >= 3 && (["s", "es", "n", "en", "e"].iter().any(plural) || ies))
}

/// Words in lower case, numbers whole with their sign, and the signs of comparison.
fn tokens(text: &str) -> Vec<String> {
    let lower: Vec<char> = text.to_lowercase().chars().chain([' ']).collect();
    let mut tokens = Vec::new();
    let mut word = String::new();
    let mut before = ' ';
    for (at, &c) in lower.iter().enumerate() {
        let next = lower.get(at + 1).copied().unwrap_or(' ');
        let in_number = matches!(c, '.' | ',') && before.is_ascii_digit();
        let is_sign = matches!(c, '-' | '−') && !before.is_alphanumeric() && next.is_ascii_digit();
        if is_sign {
            word.push('-');
        } else if c.is_alphanumeric() || in_number {
            word.push(c);
        } else if !word.is_empty() {
            tokens.push(std::mem::take(&mut word).trim_end_matches(['.', ',']).to_owned());
        }
        let compares = matches!(c, '<' | '>' | '=' | '≠' | '≤' | '≥') || (c == '!' && next == '=');
        if compares {
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
    use mtor_worker::CancellationToken;

    const HOUSES: &str = "Town,Street,Price,Rooms,Sold on\n\
        Berlin,Elm,100,2,2026-01-01\nBerlin,Oak,300,4,2026-01-02\nBonn,Elm,50,1,2026-01-02\nBad Ems,Ash,70,3,2026-01-03\n";

    fn answers(words: &str) -> Vec<Vec<Value>> {
        let table = Table::of(read(HOUSES.as_bytes()).unwrap());
        let Ok(Meaning::Measured(measured)) = meaning(words, &table) else {
            panic!("{words}: {:?}", meaning(words, &table))
        };
        let (sql, values) = measured.sql(&table);
        let mut database = Database::of(&table, CancellationToken::new()).unwrap();
        database.ask(&sql, &values, 100).unwrap_or_else(|error| panic!("{sql}: {error}")).rows
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
        assert_eq!(one("How many rows with price over 60?"), 3.0);
        assert_eq!(one("how many where rooms is 2"), 1.0);
        assert_eq!(one("count where price < 100 and street is Elm"), 1.0);
        assert_eq!(one("how many with price over 60 and price at most 100"), 2.0);
        assert_eq!(one("how many where price >= 100"), 2.0);
        assert_eq!(one("count where price > -5"), 4.0);
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
        assert_eq!(first("Which town has the highest mean price?"), ("Berlin".into(), 200.0));
        assert_eq!(first("Which street has the lowest price in Berlin?"), ("Elm".into(), 100.0));
        assert_eq!(first("Which street is the most frequent?"), ("Elm".into(), 2.0));
    }

    #[test]
    fn what_is_not_understood_is_not_guessed() {
        let table = Table::of(read(HOUSES.as_bytes()).unwrap());
        for (words, unread) in [
            ("mean price where the moon is full", &["moon", "full"][..]),
            ("mean happiness", &["happiness"]),
            ("What will the weather be?", &["will", "weather"]),
            ("mean price before 2026", &["before", "2026"]),
            ("what about town", &["about"]),
            ("Which towns have price over 60?", &[]),
        ] {
            assert_eq!(meaning(words, &table).unwrap_err(), unread, "{words}");
        }
        assert_eq!(meaning("Analyse this CSV", &table), Ok(Meaning::Overview));
        assert_eq!(meaning("histogram of price", &table), Ok(Meaning::Spread(2, vec![])));
        assert_eq!(meaning("plot price against rooms", &table), Ok(Meaning::Together(2, 3, vec![])));
    }

    #[test]
    fn no_condition_is_dropped() {
        let table = Table::of(read(HOUSES.as_bytes()).unwrap());
        for (words, unread) in [
            ("mean price in Berlin with a garden", &["garden"][..]),
            ("mean price in Berlin and in Bonn", &["bonn"]),
            ("mean price in Berlin or Bonn", &["or", "bonn"]),
            ("mean price not in Berlin", &["not"]),
            ("sum of price in Berlin since 2026", &["since", "2026"]),
            ("mean price by town and street", &["street"]),
            ("mean and max price", &["max"]),
            ("mean price and rooms", &["rooms"]),
            ("How many rooms in Berlin?", &["rooms"]),
            ("How many women with price over 60?", &["women"]),
            ("count where price > 60 and < 100", &["<", "100"]),
            ("count where price over 60 percent", &["percent"]),
            ("count where price is not 60 in Berlin", &["price", "not", "60"]),
            ("count where price != 60 in Berlin", &["price", "!", "=", "60"]),
            ("Which town has the most rooms that are new?", &["that", "new"]),
            ("histogram of new price in Berlin", &["new"]),
            ("Summe der Rooms je Town ohne Berlin", &["ohne", "berlin"]),
        ] {
            assert_eq!(meaning(words, &table).unwrap_err(), unread, "{words}");
        }
    }

    #[test]
    fn a_word_that_stands_in_two_columns_chooses_rows_only_with_its_column() {
        let table = Table::of(read(b"from,to,price\nBonn,Ulm,1\nUlm,Bonn,2\n").unwrap());
        assert_eq!(meaning("sum of price in Bonn", &table).unwrap_err(), ["bonn"]);
        let Ok(Meaning::Measured(sum)) = meaning("sum of price where to is Bonn", &table) else { panic!() };
        assert_eq!(sum.filters, [Filter { column: 1, sign: "=", value: Value::Text("Bonn".into()) }]);
    }
}
