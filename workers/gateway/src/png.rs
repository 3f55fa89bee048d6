//! A record, inside a picture, of how it was made: an `iTXt` chunk, which every reader of PNG skips or shows.

const SIGNATURE: &[u8] = b"\x89PNG\r\n\x1a\n";
/// The keyword of the record.
pub const KEYWORD: &str = "mtor";
/// Keywords under which those who draw leave their own record.
const OTHERS: [&str; 4] = ["parameters", "prompt", "workflow", "Software"];

/// The same picture with this record in it. Pictures that are no PNG, or that have a record already, stay as they are.
pub fn with_record(picture: Vec<u8>, record: &str) -> Vec<u8> {
    let Some(after_header) = end_of_header(&picture).filter(|_| !has_record(&picture)) else {
        return picture;
    };
    let mut text = KEYWORD.as_bytes().to_vec();
    // Not compressed, in no language, and with no translated keyword.
    text.extend([0, 0, 0, 0, 0]);
    text.extend(record.as_bytes());
    let Ok(length) = u32::try_from(text.len()) else { return picture };
    let mut checked = b"iTXt".to_vec();
    checked.extend(text);
    let mut marked = picture[..after_header].to_vec();
    marked.extend(length.to_be_bytes());
    marked.extend(&checked);
    marked.extend(crc32fast::hash(&checked).to_be_bytes());
    marked.extend(&picture[after_header..]);
    marked
}

/// The record that stands in a picture, if this module put it there.
pub fn record(picture: &[u8]) -> Option<String> {
    let (_, text) =
        chunks(picture).find(|(kind, data)| kind == b"iTXt" && keyword(data) == KEYWORD.as_bytes())?;
    String::from_utf8(text.get(KEYWORD.len() + 5..)?.to_vec()).ok()
}

fn end_of_header(picture: &[u8]) -> Option<usize> {
    let (kind, data) = chunks(picture).next()?;
    (kind == *b"IHDR").then_some(SIGNATURE.len() + 12 + data.len())
}

fn has_record(picture: &[u8]) -> bool {
    chunks(picture).any(|(kind, data)| {
        let is_text = matches!(&kind, b"tEXt" | b"iTXt" | b"zTXt");
        is_text
            && (keyword(data) == KEYWORD.as_bytes()
                || OTHERS.iter().any(|other| keyword(data) == other.as_bytes()))
    })
}

fn keyword(data: &[u8]) -> &[u8] {
    data.split(|byte| *byte == 0).next().unwrap_or_default()
}

/// The chunks of a picture, as far as they are whole.
fn chunks(picture: &[u8]) -> impl Iterator<Item = ([u8; 4], &[u8])> {
    let mut rest = picture.strip_prefix(SIGNATURE).unwrap_or_default();
    std::iter::from_fn(move || {
        let (length, after) = rest.split_first_chunk::<4>()?;
        let (kind, after) = after.split_first_chunk::<4>()?;
        let length = usize::try_from(u32::from_be_bytes(*length)).ok()?;
        let data = after.get(..length)?;
        rest = after.get(length.checked_add(4)?..)?;
        Some((*kind, data))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn png() -> Vec<u8> {
        let mut png = SIGNATURE.to_vec();
        for (kind, data) in [(b"IHDR", vec![0; 13]), (b"IEND", vec![])] {
            png.extend((data.len() as u32).to_be_bytes());
            let checked = [kind.to_vec(), data].concat();
            png.extend(&checked);
            png.extend(crc32fast::hash(&checked).to_be_bytes());
        }
        png
    }

    #[test]
    fn a_record_stands_after_the_header_and_once() {
        let marked = with_record(png(), r#"{"prompt":"Grüße"}"#);
        assert_eq!(record(&marked).as_deref(), Some(r#"{"prompt":"Grüße"}"#));
        let kinds: Vec<[u8; 4]> = chunks(&marked).map(|(kind, _)| kind).collect();
        assert_eq!(kinds, [*b"IHDR", *b"iTXt", *b"IEND"]);
        assert_eq!(with_record(marked.clone(), "another"), marked);
        assert_eq!(with_record(b"GIF89a".to_vec(), "x"), b"GIF89a");
    }

    proptest! {
        #[test]
        fn any_bytes_are_left_alone_or_marked(bytes: Vec<u8>) {
            let picture = [SIGNATURE.to_vec(), bytes].concat();
            let marked = with_record(picture.clone(), "made so");
            prop_assert!(marked == picture || record(&marked).as_deref() == Some("made so"));
        }
    }
}
