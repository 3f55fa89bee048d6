//! GGUF files: whole, cut off, hostile.

use std::io::Write;

use mtor_models::gguf::{GgufError, GgufInfo, inspect};

fn text(out: &mut Vec<u8>, text: &str) {
    out.extend((text.len() as u64).to_le_bytes());
    out.extend(text.as_bytes());
}

fn entry(out: &mut Vec<u8>, key: &str, kind: u32, value: &[u8]) {
    text(out, key);
    out.extend(kind.to_le_bytes());
    out.extend(value);
}

fn text_entry(out: &mut Vec<u8>, key: &str, value: &str) {
    text(out, key);
    out.extend(8_u32.to_le_bytes());
    text(out, value);
}

/// A file with the metadata of a small chat model and two tensors: 64 x F32, then 512 elements of `kind`.
fn small_model(kind: u32, data_bytes: usize) -> Vec<u8> {
    let mut out = b"GGUF".to_vec();
    out.extend(3_u32.to_le_bytes());
    out.extend(2_u64.to_le_bytes());
    out.extend(6_u64.to_le_bytes());
    text_entry(&mut out, "general.architecture", "llama");
    text_entry(&mut out, "general.name", "Tiny");
    entry(&mut out, "llama.context_length", 4, &2048_u32.to_le_bytes());
    entry(&mut out, "llama.rope.freq_base", 6, &1.0_f32.to_le_bytes());
    let mut tokens = 8_u32.to_le_bytes().to_vec();
    tokens.extend(2_u64.to_le_bytes());
    text(&mut tokens, "<s>");
    text(&mut tokens, "Paris");
    entry(&mut out, "tokenizer.ggml.tokens", 9, &tokens);
    text_entry(&mut out, "tokenizer.chat_template", "{{ messages }}");
    for (name, dimensions, kind, offset) in [("a", [8_u64, 8], 0_u32, 0_u64), ("b", [256, 2], kind, 256)] {
        text(&mut out, name);
        out.extend(2_u32.to_le_bytes());
        dimensions.iter().for_each(|length| out.extend(length.to_le_bytes()));
        out.extend(kind.to_le_bytes());
        out.extend(offset.to_le_bytes());
    }
    out.resize(out.len().next_multiple_of(32), 0);
    out.resize(out.len() + data_bytes, 1);
    out
}

/// 64 x F32 = 256 bytes, then 512 x Q4_K = 2 blocks of 144 bytes.
const Q4_K: u32 = 12;
const DATA_BYTES: usize = 256 + 288;

fn inspect_bytes(bytes: &[u8]) -> Result<GgufInfo, GgufError> {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(bytes).unwrap();
    inspect(file.path())
}

#[test]
fn a_whole_file_says_what_it_is() {
    let bytes = small_model(Q4_K, DATA_BYTES);
    let expected = GgufInfo {
        architecture: "llama".to_owned(),
        name: Some("Tiny".to_owned()),
        context_length: Some(2048),
        chat_template_present: true,
        tensors: 2,
        bytes: bytes.len() as u64,
        complete: true,
    };
    assert_eq!(inspect_bytes(&bytes).unwrap(), expected);
}

#[test]
fn every_shorter_file_is_refused_and_one_that_lacks_data_is_told_in_numbers() {
    let bytes = small_model(Q4_K, DATA_BYTES);
    for length in 0..bytes.len() {
        match inspect_bytes(&bytes[..length]).unwrap_err() {
            GgufError::NotGguf { .. } => assert!(length < 4),
            GgufError::Truncated { bytes: seen, .. } => assert_eq!(seen, length as u64),
            other => panic!("at {length}: {other}"),
        }
    }
    let error = inspect_bytes(&bytes[..bytes.len() - 400]).unwrap_err().to_string();
    assert!(error.ends_with("is truncated: 560 of 960 bytes; delete it and run again"), "{error}");
    let error = inspect_bytes(&bytes[..100]).unwrap_err().to_string();
    assert!(error.ends_with("it ends within its header, at 100 bytes; delete it and run again"), "{error}");
}

#[test]
fn a_tensor_of_unknown_kind_leaves_completeness_open() {
    let info = inspect_bytes(&small_model(9_999, 300)).unwrap();
    assert!(!info.complete);
    assert!(inspect_bytes(&small_model(9_999, 100)).is_err(), "the known tensor must still be there");
}

#[test]
fn other_files_are_told_apart() {
    let page = inspect_bytes(b"<!DOCTYPE html>").unwrap_err().to_string();
    assert!(page.ends_with("is not a GGUF file: it begins with \"<!DO\""), "{page}");
    let mut old = small_model(Q4_K, DATA_BYTES);
    old[4] = 1;
    assert!(matches!(inspect_bytes(&old).unwrap_err(), GgufError::Version { version: 1, .. }));
    old[4..8].copy_from_slice(&3_u32.to_be_bytes());
    assert!(inspect_bytes(&old).unwrap_err().to_string().contains("big-endian"));
    assert!(matches!(inspect(std::path::Path::new("/no/such/file")).unwrap_err(), GgufError::Io { .. }));
}

#[test]
fn absurd_numbers_are_refused_without_taking_memory() {
    let good = small_model(Q4_K, DATA_BYTES);
    for at in [8, 16, 24, good.len() - DATA_BYTES - 32] {
        let mut absurd = good.clone();
        absurd[at..at + 8].copy_from_slice(&(u64::MAX - 1).to_le_bytes());
        assert!(inspect_bytes(&absurd).is_err(), "at {at}");
    }
}
