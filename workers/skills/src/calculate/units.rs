//! Units of measure, by the names and signs that people have for them.

/// What a unit measures.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Measure {
    Length,
    Mass,
    Volume,
    Temperature,
    Speed,
    Area,
    Time,
    Data,
    Energy,
    Power,
    Pressure,
}

/// A unit: so many of the measure's own, from so much on.
#[derive(Debug, Clone, Copy)]
pub(super) struct Unit {
    measure: Measure,
    factor: f64,
    zero: f64,
    names: &'static [&'static str],
}

impl Unit {
    /// An amount in another unit; nothing when that measures something else.
    pub(super) fn to(&self, other: &Self, amount: f64) -> Option<f64> {
        (self.measure == other.measure)
            .then(|| ((amount + self.zero) * self.factor) / other.factor - other.zero)
    }
}

/// The unit of a name or sign, in any of the languages.
pub(super) fn find(name: &str) -> Option<&'static Unit> {
    let name = name.trim().trim_end_matches(['?', '.']).to_lowercase();
    let bare = ["a ", "an ", "degrees ", "degree ", "grad ", "degrés ", "grados ", "gradi "]
        .iter()
        .find_map(|front| name.strip_prefix(front))
        .unwrap_or(&name);
    UNITS.iter().find(|unit| unit.names.contains(&bare) || unit.names.contains(&name.as_str()))
}

const fn unit(measure: Measure, factor: f64, names: &'static [&'static str]) -> Unit {
    Unit { measure, factor, zero: 0.0, names }
}

use Measure::{Area, Data, Energy, Length, Mass, Power, Pressure, Speed, Temperature, Time, Volume};

static UNITS: &[Unit] = &[
    unit(
        Length,
        1.0,
        &["m", "meter", "meters", "metre", "metres", "metern", "mètre", "mètres", "metro", "metros", "metri"],
    ),
    unit(
        Length,
        1e-3,
        &[
            "mm",
            "millimeter",
            "millimeters",
            "millimetre",
            "millimetres",
            "millimètres",
            "milímetros",
            "millimetri",
        ],
    ),
    unit(
        Length,
        1e-2,
        &[
            "cm",
            "centimeter",
            "centimeters",
            "centimetre",
            "centimetres",
            "zentimeter",
            "zentimetern",
            "centimètre",
            "centimètres",
            "centímetro",
            "centímetros",
            "centimetro",
            "centimetri",
        ],
    ),
    unit(
        Length,
        1e3,
        &[
            "km",
            "kilometer",
            "kilometers",
            "kilometre",
            "kilometres",
            "kilometern",
            "kilomètre",
            "kilomètres",
            "kilómetro",
            "kilómetros",
            "chilometro",
            "chilometri",
        ],
    ),
    unit(
        Length,
        0.0254,
        &[
            "in", "inch", "inches", "\"", "zoll", "pouce", "pouces", "pulgada", "pulgadas", "pollice",
            "pollici",
        ],
    ),
    unit(Length, 0.3048, &["ft", "foot", "feet", "fuß", "pied", "pieds", "pie", "pies", "piede", "piedi"]),
    unit(Length, 0.9144, &["yd", "yard", "yards"]),
    unit(
        Length,
        1609.344,
        &["mi", "mile", "miles", "meile", "meilen", "mille", "milles", "milla", "millas", "miglio", "miglia"],
    ),
    unit(Length, 1852.0, &["nmi", "nautical mile", "nautical miles", "seemeile", "seemeilen"]),
    unit(
        Mass,
        1.0,
        &[
            "kg",
            "kilo",
            "kilos",
            "kilogram",
            "kilograms",
            "kilogramm",
            "kilogramme",
            "kilogrammes",
            "kilogramos",
            "chilo",
            "chili",
            "chilogrammi",
        ],
    ),
    unit(
        Mass,
        1e-3,
        &["g", "gram", "grams", "gramm", "gramme", "grammes", "gramo", "gramos", "grammo", "grammi"],
    ),
    unit(
        Mass,
        1e-6,
        &["mg", "milligram", "milligrams", "milligramm", "milligrammes", "miligramos", "milligrammi"],
    ),
    unit(
        Mass,
        1e3,
        &[
            "t",
            "ton",
            "tons",
            "tonne",
            "tonnes",
            "tonnen",
            "tonelada",
            "toneladas",
            "tonnellata",
            "tonnellate",
        ],
    ),
    unit(
        Mass,
        0.453_592_37,
        &["lb", "lbs", "pound", "pounds", "pfund", "livre", "livres", "libra", "libras", "libbra", "libbre"],
    ),
    unit(
        Mass,
        0.028_349_523_125,
        &["oz", "ounce", "ounces", "unze", "unzen", "once", "onces", "onza", "onzas", "oncia", "once"],
    ),
    unit(Mass, 6.350_293_18, &["st", "stone", "stones"]),
    unit(Volume, 1.0, &["l", "liter", "liters", "litre", "litres", "litern", "litro", "litros", "litri"]),
    unit(
        Volume,
        1e-3,
        &["ml", "milliliter", "milliliters", "millilitre", "millilitres", "millilitri", "mililitros"],
    ),
    unit(Volume, 1e-2, &["cl", "centiliter", "centiliters", "zentiliter", "centilitre", "centilitres"]),
    unit(Volume, 1e3, &["m3", "m³", "cubic meter", "cubic meters", "cubic metres", "kubikmeter"]),
    unit(
        Volume,
        3.785_411_784,
        &["gal", "gallon", "gallons", "gallone", "gallonen", "galón", "galones", "galloni"],
    ),
    unit(Volume, 0.473_176_473, &["pt", "pint", "pints"]),
    unit(Volume, 0.236_588_236_5, &["cup", "cups", "tasse", "tassen"]),
    unit(Volume, 0.029_573_529_562_5, &["fl oz", "fluid ounce", "fluid ounces"]),
    unit(Volume, 0.014_786_764_781_25, &["tbsp", "tablespoon", "tablespoons"]),
    unit(Volume, 0.004_928_921_593_75, &["tsp", "teaspoon", "teaspoons"]),
    unit(Temperature, 1.0, &["k", "kelvin"]),
    Unit { measure: Temperature, factor: 1.0, zero: 273.15, names: &["c", "°c", "celsius", "centigrade"] },
    Unit { measure: Temperature, factor: 5.0 / 9.0, zero: 459.67, names: &["f", "°f", "fahrenheit"] },
    unit(Speed, 1.0, &["m/s", "meters per second", "metres per second", "meter pro sekunde"]),
    unit(
        Speed,
        1.0 / 3.6,
        &[
            "km/h",
            "kmh",
            "kph",
            "kilometers per hour",
            "kilometres per hour",
            "stundenkilometer",
            "kilometer pro stunde",
            "kilomètres par heure",
            "kilómetros por hora",
            "chilometri all'ora",
        ],
    ),
    unit(Speed, 0.447_04, &["mph", "miles per hour", "meilen pro stunde"]),
    unit(Speed, 0.514_444_444_444, &["kn", "kt", "knot", "knots", "knoten", "nœuds", "nudos", "nodi"]),
    unit(
        Area,
        1.0,
        &[
            "m2",
            "m²",
            "square meter",
            "square meters",
            "square metres",
            "quadratmeter",
            "mètres carrés",
            "metros cuadrados",
            "metri quadrati",
        ],
    ),
    unit(
        Area,
        1e6,
        &["km2", "km²", "square kilometer", "square kilometers", "square kilometres", "quadratkilometer"],
    ),
    unit(Area, 1e4, &["ha", "hectare", "hectares", "hektar", "hectáreas", "ettari"]),
    unit(Area, 4_046.856_422_4, &["acre", "acres"]),
    unit(Area, 0.092_903_04, &["ft2", "sqft", "square foot", "square feet"]),
    unit(
        Time,
        1.0,
        &[
            "s", "sec", "second", "seconds", "sekunde", "sekunden", "seconde", "secondes", "segundo",
            "segundos", "secondo", "secondi",
        ],
    ),
    unit(Time, 60.0, &["min", "minute", "minutes", "minuten", "minuto", "minutos", "minuti"]),
    unit(
        Time,
        3_600.0,
        &["h", "hour", "hours", "stunde", "stunden", "heure", "heures", "hora", "horas", "ora", "ore"],
    ),
    unit(
        Time,
        86_400.0,
        &["d", "day", "days", "tag", "tage", "tagen", "jour", "jours", "día", "días", "giorno", "giorni"],
    ),
    unit(
        Time,
        604_800.0,
        &[
            "week",
            "weeks",
            "woche",
            "wochen",
            "semaine",
            "semaines",
            "semana",
            "semanas",
            "settimana",
            "settimane",
        ],
    ),
    unit(
        Time,
        31_557_600.0,
        &["year", "years", "jahr", "jahre", "jahren", "an", "ans", "années", "año", "años", "anno", "anni"],
    ),
    unit(Data, 1.0, &["b", "byte", "bytes"]),
    unit(Data, 0.125, &["bit", "bits"]),
    unit(Data, 1e3, &["kb", "kilobyte", "kilobytes"]),
    unit(Data, 1e6, &["mb", "megabyte", "megabytes"]),
    unit(Data, 1e9, &["gb", "gigabyte", "gigabytes"]),
    unit(Data, 1e12, &["tb", "terabyte", "terabytes"]),
    unit(Data, 1_024.0, &["kib", "kibibyte", "kibibytes"]),
    unit(Data, 1_048_576.0, &["mib", "mebibyte", "mebibytes"]),
    unit(Data, 1_073_741_824.0, &["gib", "gibibyte", "gibibytes"]),
    unit(Energy, 1.0, &["j", "joule", "joules"]),
    unit(Energy, 1e3, &["kj", "kilojoule", "kilojoules"]),
    unit(
        Energy,
        4_184.0,
        &[
            "kcal",
            "calorie",
            "calories",
            "kilocalorie",
            "kilocalories",
            "kalorien",
            "kilokalorien",
            "calorías",
            "calorie",
        ],
    ),
    unit(Energy, 3.6e6, &["kwh", "kilowatt hour", "kilowatt hours", "kilowattstunde", "kilowattstunden"]),
    unit(Power, 1.0, &["w", "watt", "watts"]),
    unit(Power, 1e3, &["kw", "kilowatt", "kilowatts"]),
    unit(Power, 735.498_75, &["ps", "pferdestärken", "metric horsepower", "chevaux", "caballos"]),
    unit(Power, 745.699_871_582, &["hp", "horsepower"]),
    unit(Pressure, 1.0, &["pa", "pascal", "pascals"]),
    unit(Pressure, 1e5, &["bar", "bars"]),
    unit(Pressure, 6_894.757_293, &["psi"]),
];

#[cfg(test)]
mod tests {
    use super::*;

    fn convert(amount: f64, from: &str, to: &str) -> Option<f64> {
        find(from)?.to(find(to)?, amount)
    }

    #[test]
    fn units_are_known_by_names_of_all_languages() {
        assert_eq!(convert(1.0, "mile", "Kilometer"), Some(1.609_344));
        assert_eq!(convert(1.0, "heure", "minutos"), Some(60.0));
        assert_eq!(convert(1.0, "kg", "miles"), None);
        assert!(find("parsec of nothing").is_none());
    }

    #[test]
    fn temperatures_have_different_zeros() {
        let near = |a: Option<f64>, b: f64| a.is_some_and(|a| (a - b).abs() < 1e-9);
        assert!(near(convert(100.0, "degrees Celsius", "Fahrenheit"), 212.0));
        assert!(near(convert(-40.0, "°F", "°C"), -40.0));
        assert!(near(convert(0.0, "Celsius", "kelvin"), 273.15));
    }
}
