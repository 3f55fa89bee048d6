//! Languages by their codes.

use crate::error::Failure;

/// What models of one language know.
pub(crate) const ENGLISH: &str = "en";

/// The code of a language as whisper.cpp writes it. Takes `de`, `de-AT`, `de_AT` and `german`.
///
/// # Errors
/// [`Failure::UnknownLanguage`].
pub(crate) fn code(name: &str, multilingual: bool) -> Result<&'static str, Failure> {
    let unknown = || Failure::UnknownLanguage(name.to_owned());
    let lower = name.trim().to_lowercase();
    let main = lower.split(['-', '_']).next().unwrap_or_default();
    // A zero byte would be the end of the name for whisper.cpp, and a panic for whisper-rs.
    if main.is_empty() || main.contains('\0') {
        return Err(unknown());
    }
    let id = whisper_rs::get_lang_id(main).ok_or_else(unknown)?;
    let code = whisper_rs::get_lang_str(id).ok_or_else(unknown)?;
    if multilingual || code == ENGLISH { Ok(code) } else { Err(unknown()) }
}

/// All codes that a model knows.
pub(crate) fn all(multilingual: bool) -> Vec<&'static str> {
    if !multilingual {
        return vec![ENGLISH];
    }
    (0..=whisper_rs::get_lang_max_id()).filter_map(whisper_rs::get_lang_str).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn languages_have_many_names_and_one_code() {
        for (name, wanted) in
            [("de", "de"), ("DE-at", "de"), ("pt_BR", "pt"), ("german", "de"), (" en ", "en")]
        {
            assert_eq!(code(name, true).unwrap(), wanted, "{name}");
        }
        for unknown in ["", "klingon", "-", "e\0n"] {
            assert!(matches!(code(unknown, true), Err(Failure::UnknownLanguage(_))), "{unknown}");
        }
        assert!(code("de", false).is_err());
        assert_eq!(code("en", false).unwrap(), "en");
        assert!(all(true).len() > 90);
        assert_eq!(all(false), ["en"]);
    }
}
