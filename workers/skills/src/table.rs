//! `tool.table`: looks at a table (CSV and its kin), answers questions about it, and draws what can be drawn.
//!
//! A question becomes a query by rules ([`question`]) or is one already; it runs in an SQLite in memory that can read and
//! nothing else ([`sql`]). What stands in the table is data: it is shown, and never run.

mod chart;
mod facts;
mod kind;
mod question;
mod read;
mod sql;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use mtor_worker::protocol::{Effect, Picture, ToolInfo};
use mtor_worker::{CancellationToken, Stopped};
use rusqlite::types::Value;
use schemars::JsonSchema;
use serde::Deserialize;

use crate::defaults;
use crate::language::Language;
use crate::skill::{Answer, Asked, Skill, SkillError, info};
use chart::{Chart, Marks};
use facts::Numbers;
use kind::{Kind, Table as Columns};
use question::Meaning;
use sql::{Database, Found, TABLE, quoted};

/// How many groups are said aloud; the rest stands in the table.
const SAID_ROWS: usize = 3;

/// The reader of tables.
#[derive(Debug)]
pub struct Table;

/// What to find out about a table.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Arguments {
    /// What to find out, such as `mean price by town`; without it, what the table holds.
    #[serde(default)]
    question: String,
    /// An SQL query over the table `data`, instead of a question.
    query: Option<String>,
    /// The table itself as text, when it is short. A file goes in as an attachment.
    csv: Option<String>,
    /// The size and the SHA-256 of the file whose bytes go in with the job.
    #[allow(dead_code)] // The realm has checked it; here it is for the schema.
    attachment: Option<Picture>,
    /// The language of the answer, as in `en`.
    #[serde(default)]
    language: Language,
}

impl Arguments {
    fn check(&self) -> Result<(), String> {
        let most = defaults::WORDS_BYTES_MAX;
        let query = self.query.as_deref().unwrap_or_default();
        for (name, words) in [("question", self.question.as_str()), ("query", query)] {
            if words.len() > most {
                return Err(format!("{name}: at most {most} bytes"));
            }
        }
        let most = defaults::TABLE_INLINE_BYTES_MAX;
        if self.csv.as_ref().is_some_and(|csv| csv.len() > most) {
            return Err(format!("csv: at most {} KiB; a larger table goes in as an attachment", most >> 10));
        }
        Ok(())
    }
}

impl Skill for Table {
    fn name(&self) -> &'static str {
        "table"
    }

    fn info(&self) -> ToolInfo {
        let description = "Looks at a table in CSV or TSV: kinds of columns, statistics, questions such as mean, sum, count or \
                           highest of a column by another one, or SQL; with a chart where one can be drawn.";
        info::<Arguments>(description, Effect::Reads, false)
    }

    fn slots(&self) -> u32 {
        defaults::TABLE_SLOTS
    }

    fn run<'a>(&'a self, asked: Asked, answer: &'a mut Answer<'_>) -> BoxFuture<'a, Result<(), SkillError>> {
        async move {
            let arguments: Arguments = asked.arguments_up_to(defaults::TABLE_ARGUMENT_BYTES_MAX)?;
            arguments.check().map_err(SkillError::Arguments)?;
            let stop = asked.cancelled.clone();
            let worked =
                tokio::task::spawn_blocking(move || told(&arguments, &asked.attachment, &asked.cancelled))
                    .await;
            if stop.is_cancelled() {
                return Err(Stopped.into());
            }
            let told = worked
                .map_err(|error| SkillError::Service(error.to_string()))?
                .map_err(SkillError::Arguments)?;
            answer.whole(&told.sentence).await?;
            if let Some((names, rows)) = &told.table {
                answer.part("answer.csv", "text/csv", csv_of(names, rows)?.as_bytes()).await?;
            }
            if let Some(chart) = &told.chart {
                answer.part("chart.svg", "image/svg+xml", chart.svg().as_bytes()).await?;
            }
            Ok(())
        }
        .boxed()
    }
}

/// An answer.
#[derive(Debug)]
struct Told {
    sentence: String,
    table: Option<(Vec<String>, Vec<Vec<Value>>)>,
    chart: Option<Chart>,
}

/// The answer to what is asked about a table.
///
/// # Errors
/// When the table can't be read, or the query is none.
fn told(arguments: &Arguments, attachment: &[u8], stop: &CancellationToken) -> Result<Told, String> {
    let bytes = match &arguments.csv {
        Some(csv) if attachment.is_empty() => csv.as_bytes(),
        Some(_) => return Err("give csv or an attachment, not both".to_owned()),
        None if attachment.is_empty() => {
            return Err("there is no table: give csv or an attachment".to_owned());
        }
        None => attachment,
    };
    let table = Columns::of(read::read(bytes)?);
    let language = arguments.language;
    let ask_up_to = |sql: &str, values: &[Value], rows_max: usize| {
        Database::of(&table, stop.clone())?.ask(sql, values, rows_max)
    };
    let ask = |sql: &str, values: &[Value]| ask_up_to(sql, values, defaults::TABLE_ANSWER_ROWS_MAX);
    if let Some(query) = &arguments.query {
        let found = ask(query, &[])?;
        let title = if arguments.question.is_empty() { query } else { &arguments.question };
        return Ok(found_told(&found, title, false, language));
    }
    match question::meaning(&arguments.question, &table) {
        Err(unread) => {
            Ok(Told { sentence: not_understood(&unread, &table, language), table: None, chart: None })
        }
        Ok(Meaning::Overview) => {
            Ok(Told { sentence: overview(&table, language), table: Some(facts::all(&table)), chart: None })
        }
        Ok(Meaning::Measured(measured)) => {
            let (sql, values) = measured.sql(&table);
            let found = ask(&sql, &values)?;
            let by_day = measured.by.is_some_and(|by| matches!(table.columns[by].kind, Kind::Date(_)));
            let mut told = found_told(&found, &arguments.question, by_day, language);
            if measured.only.is_some()
                && let Some([group, value]) = found.rows.first().map(Vec::as_slice)
            {
                told.sentence = format!("{}: {}.", said(group, language), said(value, language));
            }
            Ok(told)
        }
        Ok(Meaning::Spread(column, filters)) => {
            let name = &table.columns[column].name;
            let (rows, values) = question::rows_sql(&filters, &[column], &table);
            let sql = format!("SELECT {name} FROM {TABLE}{rows} ORDER BY 1", name = quoted(name));
            let found = ask_up_to(&sql, &values, defaults::TABLE_ROWS_MAX)?;
            let values: Vec<f64> = found.rows.iter().filter_map(|row| facts::number(&row[0])).collect();
            let Some(Numbers { quartiles: [low, middle, high], .. }) = Numbers::of(&values) else {
                return Ok(Told { sentence: nothing(language), table: None, chart: None });
            };
            let count = language.pick(["count", "Anzahl", "nombre", "cantidad", "numero"]).to_owned();
            let chart = Chart::histogram(arguments.question.clone(), name.clone(), count, &values);
            let words = language.pick([
                "Half of {c} lies between {a} and {b}; the median is {m}.",
                "Die Hälfte von {c} liegt zwischen {a} und {b}; der Median ist {m}.",
                "La moitié de {c} se situe entre {a} et {b} ; la médiane est {m}.",
                "La mitad de {c} está entre {a} y {b}; la mediana es {m}.",
                "La metà di {c} sta tra {a} e {b}; la mediana è {m}.",
            ]);
            let number = |value| language.number(value, 2);
            let sentence = (words.replace("{a}", &number(low)).replace("{b}", &number(high)))
                .replace("{m}", &number(middle))
                .replace("{c}", name);
            Ok(Told { sentence, table: None, chart })
        }
        Ok(Meaning::Together(y, x, filters)) => {
            let name = |at: usize| table.columns[at].name.clone();
            let (rows, values) = question::rows_sql(&filters, &[x, y], &table);
            let sql = format!("SELECT {}, {} FROM {TABLE}{rows}", quoted(&name(x)), quoted(&name(y)));
            let found = ask_up_to(&sql, &values, defaults::TABLE_ROWS_MAX)?;
            let pair = |row: &Vec<Value>| Some((facts::number(&row[0])?, facts::number(&row[1])?));
            let mut points: Vec<(f64, f64)> = found.rows.iter().filter_map(pair).collect();
            if points.is_empty() {
                return Ok(Told { sentence: nothing(language), table: None, chart: None });
            }
            let all = points.len();
            points.truncate(defaults::CHART_POINTS_MAX);
            let words = match all > points.len() {
                false => {
                    language.pick(["{n} points.", "{n} Punkte.", "{n} points.", "{n} puntos.", "{n} punti."])
                }
                true => language.pick([
                    "{n} points, of which the first {m} are drawn.",
                    "{n} Punkte, von denen die ersten {m} gezeichnet sind.",
                    "{n} points, dont les {m} premiers sont dessinés.",
                    "{n} puntos, de los que se dibujan los primeros {m}.",
                    "{n} punti, di cui sono disegnati i primi {m}.",
                ]),
            };
            let sentence = words.replace("{n}", &all.to_string()).replace("{m}", &points.len().to_string());
            let marks = Marks::Points(points);
            let chart = Chart { title: arguments.question.clone(), x: name(x), y: name(y), marks };
            let mut rows = found.rows;
            rows.truncate(defaults::TABLE_ANSWER_ROWS_MAX);
            Ok(Told { sentence, table: Some((found.names, rows)), chart: chart.drawable() })
        }
    }
}

fn nothing(language: Language) -> String {
    let nothing =
        ["Nothing was found.", "Es gibt nichts dazu.", "Il n'y a rien.", "No hay nada.", "Non c'è nulla."];
    language.pick(nothing).to_owned()
}

/// What a query found, in a sentence, a table, and a chart where one can be drawn.
fn found_told(found: &Found, title: &str, by_day: bool, language: Language) -> Told {
    let sentence = match (&found.names[..], &found.rows[..]) {
        (_, []) => nothing(language),
        ([name], [row]) => format!("{name}: {}.", said(&row[0], language)),
        (names, rows) => {
            let row = |row: &Vec<Value>| {
                row.iter().take(4).map(|value| said(value, language)).collect::<Vec<_>>().join(" ")
            };
            let first: Vec<String> = rows.iter().take(SAID_ROWS).map(row).collect();
            let rest = rows.len().saturating_sub(SAID_ROWS);
            let at_least = if found.more { "+" } else { "" };
            let more =
                language.pick(["and {} more", "und {} weitere", "et {} de plus", "y {} más", "e altri {}"]);
            let more = if rest == 0 {
                String::new()
            } else {
                format!(", {}", more.replace("{}", &format!("{rest}{at_least}")))
            };
            let name = names.last().map_or("", String::as_str);
            format!("{name}: {}{more}.", first.join(", "))
        }
    };
    Told {
        sentence,
        table: Some((found.names.clone(), found.rows.clone())),
        chart: drawn(found, title, by_day),
    }
}

/// A name and a number in each row can be drawn, when they are neither one nor too many.
fn drawn(found: &Found, title: &str, by_day: bool) -> Option<Chart> {
    let [x, y] = &found.names[..] else { return None };
    let pair = |row: &Vec<Value>| Some((written(&row[0]), facts::number(&row[1])?));
    let pairs: Vec<(String, f64)> = found.rows.iter().map(pair).collect::<Option<_>>()?;
    let most = if by_day { defaults::CHART_POINTS_MAX } else { defaults::CHART_BARS_MAX };
    if !(2..=most).contains(&pairs.len()) || pairs.iter().any(|(_, value)| !value.is_finite()) {
        return None;
    }
    let marks = if by_day { Marks::Line(pairs) } else { Marks::Bars(pairs) };
    Chart { title: title.to_owned(), x: x.clone(), y: y.clone(), marks }.drawable()
}

fn overview(table: &Columns, language: Language) -> String {
    let words = language.pick([
        "The table has {r} rows and {c} columns: {n}.",
        "Die Tabelle hat {r} Zeilen und {c} Spalten: {n}.",
        "Le tableau a {r} lignes et {c} colonnes : {n}.",
        "La tabla tiene {r} filas y {c} columnas: {n}.",
        "La tabella ha {r} righe e {c} colonne: {n}.",
    ]);
    (words.replace("{r}", &table.rows.len().to_string()))
        .replace("{c}", &table.columns.len().to_string())
        .replace("{n}", &listed(table))
}

/// That there is no query, for which words, and what can be asked for.
fn not_understood(unread: &[String], table: &Columns, language: Language) -> String {
    const NAMED: usize = 8;
    let sentence = match unread.is_empty() {
        true => language.pick([
            "I can't turn that into a query. The columns are {n}.",
            "Daraus kann ich keine Abfrage machen. Die Spalten sind {n}.",
            "Je ne sais pas en faire une requête. Les colonnes sont {n}.",
            "No puedo convertir eso en una consulta. Las columnas son {n}.",
            "Non riesco a farne un'interrogazione. Le colonne sono {n}.",
        ]),
        false => language.pick([
            "I don't understand this in the question: {w}. The columns are {n}.",
            "Das verstehe ich in der Frage nicht: {w}. Die Spalten sind {n}.",
            "Je ne comprends pas ceci dans la question : {w}. Les colonnes sont {n}.",
            "No entiendo esto en la pregunta: {w}. Las columnas son {n}.",
            "Non capisco questo nella domanda: {w}. Le colonne sono {n}.",
        ]),
    };
    let mut words = unread.iter().take(NAMED).cloned().collect::<Vec<_>>();
    if unread.len() > NAMED {
        words.push("…".to_owned());
    }
    // Words hold no braces.
    sentence.replace("{w}", &words.join(", ")).replace("{n}", &listed(table))
}

/// The columns with their kinds, as far as one can listen to.
fn listed(table: &Columns) -> String {
    const NAMED: usize = 12;
    let named = table.columns.iter().take(NAMED);
    let mut names: Vec<String> =
        named.map(|column| format!("{} ({})", column.name, column.kind.name())).collect();
    if table.columns.len() > NAMED {
        names.push("…".to_owned());
    }
    names.join(", ")
}

/// A value as people say it.
fn said(value: &Value, language: Language) -> String {
    const CHARS_MAX: usize = 80;
    match value {
        Value::Real(real) => language.number(*real, 2),
        Value::Null => "–".to_owned(),
        other => written(other).chars().take(CHARS_MAX).collect(),
    }
}

fn written(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::Integer(whole) => whole.to_string(),
        Value::Real(real) => real.to_string(),
        Value::Text(text) => text.clone(),
        Value::Blob(bytes) => format!("{} bytes", bytes.len()),
    }
}

/// The rows as CSV. A text that a spreadsheet would take for a formula gets a `'` before it.
fn csv_of(names: &[String], rows: &[Vec<Value>]) -> Result<String, SkillError> {
    let harmless = |text: String| {
        if text.starts_with(['=', '+', '-', '@', '\t', '\r']) { format!("'{text}") } else { text }
    };
    let cell = |value: &Value| match value {
        Value::Text(text) => harmless(text.clone()),
        other => written(other),
    };
    let failed = |error: String| SkillError::Service(error);
    let mut writer = csv::Writer::from_writer(Vec::new());
    writer.write_record(names.iter().cloned().map(harmless)).map_err(|error| failed(error.to_string()))?;
    for row in rows {
        writer.write_record(row.iter().map(cell)).map_err(|error| failed(error.to_string()))?;
    }
    let bytes = writer.into_inner().map_err(|error| failed(error.to_string()))?;
    String::from_utf8(bytes).map_err(|error| failed(error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::skill::testing::ask;
    use serde_json::json;

    const SALES: &str = "Ort;Preis\nKöln;1,5\nBonn;2,5\nKöln;3,5\n";

    fn of(question: &str, language: &str) -> Told {
        let arguments = json!({ "question": question, "csv": SALES, "language": language });
        told(&serde_json::from_value(arguments).unwrap(), &[], &CancellationToken::new()).unwrap()
    }

    #[tokio::test]
    async fn questions_are_answered_in_a_sentence() {
        let mean = ask(&Table, json!({ "csv": SALES, "question": "mean of Preis" })).await.unwrap();
        assert_eq!(mean, "mean Preis: 2.5.");
        assert_eq!(of("Preis je Ort", "de").sentence, "sum Preis: Köln 5, Bonn 2,5.");
        assert_eq!(of("Which Ort has the most Preis?", "en").sentence, "Köln: 5.");
        assert_eq!(of("", "en").sentence, "The table has 3 rows and 2 columns: Ort (text), Preis (decimal).");
        let why =
            "I don't understand this in the question: why. The columns are Ort (text), Preis (decimal).";
        assert_eq!(of("Why?", "en").sentence, why);
        let none = of("Welche Ort haben Preis?", "de").sentence;
        assert!(none.starts_with("Daraus kann ich keine Abfrage machen. Die Spalten sind Ort"), "{none}");
    }

    #[test]
    fn groups_are_drawn() {
        let bars = of("Preis je Ort", "de").chart.unwrap();
        assert_eq!(bars.marks, Marks::Bars(vec![("Köln".into(), 5.0), ("Bonn".into(), 2.5)]));
        assert!(of("mean of Preis", "en").chart.is_none());
        assert!(matches!(of("histogram of Preis", "en").chart.unwrap().marks, Marks::Histogram(..)));
    }

    #[tokio::test]
    async fn a_query_runs_as_it_is_and_only_reads() {
        let query = |sql: &str| json!({ "csv": SALES, "query": sql });
        let found = ask(&Table, query("SELECT count(*) AS n FROM data")).await.unwrap();
        assert_eq!(found, "n: 3.");
        let error = ask(&Table, query("DROP TABLE data")).await.unwrap_err().to_string();
        assert!(error.contains("only read"), "{error}");
        let none = ask(&Table, json!({})).await.unwrap_err().to_string();
        assert!(none.contains("there is no table"), "{none}");
    }

    #[test]
    fn formulas_are_no_formulas_in_what_is_saved() {
        let rows = [vec![Value::Text("=HYPERLINK(1)".into()), Value::Integer(-1)]];
        assert_eq!(csv_of(&["@a".into(), "b".into()], &rows).unwrap(), "'@a,b\n'=HYPERLINK(1),-1\n");
    }

    #[test]
    fn charts_show_the_rows_that_are_asked_for() {
        let spread = of("histogram of Preis in Köln", "en");
        assert_eq!(spread.sentence, "Half of Preis lies between 2 and 3; the median is 2.5.");
        let Marks::Histogram(_, counts) = spread.chart.unwrap().marks else { panic!() };
        assert_eq!(counts.iter().sum::<usize>(), 2);
        assert_eq!(of("histogram of Preis where Preis over 9", "en").sentence, "Nothing was found.");

        let rows: Vec<String> = (0..700).map(|n| format!("{n},{},{}", n * 2, ["a", "b"][n / 600])).collect();
        let csv = format!("x,y,z\n{}\n", rows.join("\n"));
        let points = |question: &str| {
            let arguments = json!({ "question": question, "csv": csv });
            told(&serde_json::from_value(arguments).unwrap(), &[], &CancellationToken::new()).unwrap()
        };
        let all = points("y against x");
        assert_eq!(all.sentence, "700 points, of which the first 500 are drawn.");
        assert_eq!(all.table.unwrap().1.len(), 700);
        assert_eq!(points("y against x where z is b").sentence, "100 points.");
    }

    #[tokio::test]
    async fn what_is_too_long_is_refused_and_says_what_to_do() {
        let long = "a\n".repeat(defaults::TABLE_INLINE_BYTES_MAX);
        let error = ask(&Table, json!({ "csv": long[..long.len() / 2 + 1] })).await.unwrap_err().to_string();
        assert_eq!(error, "csv: at most 512 KiB; a larger table goes in as an attachment");
        let error = ask(&Table, json!({ "csv": SALES, "question": long[..9_000] })).await.unwrap_err();
        assert!(error.to_string().starts_with("question: at most"), "{error}");
    }

    #[tokio::test]
    async fn a_job_that_nobody_wants_is_not_answered() {
        let asked = crate::skill::testing::asked(json!({ "csv": SALES, "question": "mean of Preis" }));
        asked.cancelled.cancel();
        let mut text = String::new();
        let done = Table.run(asked, &mut Answer::text(&mut text, "")).await;
        assert!(matches!(done, Err(SkillError::Stopped(_))) && text.is_empty());
    }
}
