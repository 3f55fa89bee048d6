//! A Whisper model for whisper.cpp, of one for CTranslate2.
//!
//! Both hold the same numbers under other names. CTranslate2 keeps query, key and value in one array, one below the
//! other; whisper.cpp wants three. whisper.cpp wants everything that is not a matrix in single precision, and brings its
//! mel filters and its vocabulary in the file.

use std::collections::HashMap;
use std::fs::File;
use std::io::{BufReader, BufWriter, Read, Seek, Write};
use std::path::Path;

use serde::Deserialize;
use tokio_util::sync::CancellationToken;

use super::RecipeError;
use super::ctranslate2::Contents;
use super::mel;

const MAGIC: u32 = 0x6767_6d6c;
/// Values of one attention head, in every Whisper.
const HEAD: u32 = 64;
/// The first size of vocabulary that knows more than English.
const MULTILINGUAL_VOCABULARY: u32 = 51_865;
/// The largest tokenizer that is read, in bytes.
const TOKENIZER_BYTES_MAX: u64 = 16 << 20;

/// Writes `out`.
pub(crate) fn make(
    model: &Path,
    tokenizer: &Path,
    out: &Path,
    cancel: &CancellationToken,
) -> Result<(), RecipeError> {
    let mut contents = Contents::read(BufReader::new(File::open(model)?))?;
    let mut json = Vec::new();
    File::open(tokenizer)?.take(TOKENIZER_BYTES_MAX).read_to_end(&mut json)?;
    let mut file = BufWriter::new(File::create(out)?);
    write(&mut contents, &json, &mut file, cancel)?;
    file.into_inner().map_err(|error| error.into_error())?.sync_all()?;
    Ok(())
}

fn write<R: Read + Seek>(
    contents: &mut Contents<R>,
    tokenizer: &[u8],
    file: &mut impl Write,
    cancel: &CancellationToken,
) -> Result<(), RecipeError> {
    let size = Size::of(contents)?;
    for number in [
        MAGIC,
        size.vocabulary,
        size.audio_window,
        size.width,
        size.width / HEAD,
        size.encoder_layers,
        size.text_window,
        size.width,
        size.width / HEAD,
        size.decoder_layers,
        size.mels,
        1, // matrices in half precision
        size.mels,
        mel::FREQUENCIES as u32,
    ] {
        file.write_all(&number.to_le_bytes())?;
    }
    for weight in mel::filters(size.mels as usize) {
        file.write_all(&weight.to_le_bytes())?;
    }
    let tokens = tokens(tokenizer, size.plain_tokens())?;
    file.write_all(&(tokens.len() as u32).to_le_bytes())?;
    for token in tokens {
        file.write_all(&(token.len() as u32).to_le_bytes())?;
        file.write_all(&token)?;
    }
    for tensor in tensors(&size) {
        if cancel.is_cancelled() {
            return Err(RecipeError::Cancelled);
        }
        tensor.write(contents, file)?;
    }
    Ok(())
}

/// How large the model is.
struct Size {
    vocabulary: u32,
    width: u32,
    audio_window: u32,
    text_window: u32,
    mels: u32,
    encoder_layers: u32,
    decoder_layers: u32,
}

impl Size {
    fn of<R: Read + Seek>(contents: &Contents<R>) -> Result<Self, RecipeError> {
        let matrix = |name: &str| match contents.array(name)?.shape.as_slice() {
            [rows, columns, ..] => Ok((*rows, *columns)),
            _ => Err(RecipeError::unfit(format!("{name} is no matrix"))),
        };
        let (vocabulary, width) = matrix("decoder/embeddings/weight")?;
        let (audio_window, _) = matrix("encoder/position_encodings/encodings")?;
        let (text_window, _) = matrix("decoder/position_encodings/encodings")?;
        let (_, mels) = matrix("encoder/conv1/weight")?;
        if width == 0 || width % HEAD != 0 {
            return Err(RecipeError::unfit(format!("a width of {width} is that of no Whisper")));
        }
        let layers = |prefix| contents.layers(prefix);
        Ok(Self {
            vocabulary,
            width,
            audio_window,
            text_window,
            mels,
            encoder_layers: layers("encoder/layer_"),
            decoder_layers: layers("decoder/layer_"),
        })
    }

    /// Tokens that are text. whisper.cpp numbers the others, such as those of time, by itself.
    fn plain_tokens(&self) -> u32 {
        if self.vocabulary >= MULTILINGUAL_VOCABULARY { 50_257 } else { 50_256 }
    }
}

/// One array of the new file: rows of one of the old.
struct Tensor {
    name: String,
    from: String,
    /// Which third, half or whole of the rows.
    part: (u32, u32),
    shape: Shape,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Shape {
    /// Half precision as it is.
    Matrix,
    /// Single precision.
    Single,
    /// Single precision, and each number in a row of its own.
    Column,
}

impl Tensor {
    fn write<R: Read + Seek>(
        &self,
        contents: &mut Contents<R>,
        file: &mut impl Write,
    ) -> Result<(), RecipeError> {
        let array = contents.array(&self.from)?.clone();
        let (part, parts) = self.part;
        let rows = *array.shape.first().unwrap_or(&0);
        if rows == 0 || rows % parts != 0 {
            return Err(RecipeError::unfit(format!(
                "{} has {rows} rows, which are not {parts} parts",
                self.from
            )));
        }
        let rows = rows / parts;
        let numbers = u64::from(rows) * array.row();
        let halves = contents.halves(array.offset + u64::from(part) * numbers * 2, numbers)?;

        let mut shape = array.shape;
        shape[0] = rows;
        if self.shape == Shape::Column {
            shape.push(1);
        }
        let is_half = self.shape == Shape::Matrix;
        for number in [shape.len() as u32, self.name.len() as u32, u32::from(is_half)] {
            file.write_all(&number.to_le_bytes())?;
        }
        for size in shape.iter().rev() {
            file.write_all(&size.to_le_bytes())?;
        }
        file.write_all(self.name.as_bytes())?;
        if is_half {
            file.write_all(&halves)?;
        } else {
            for half in halves.as_chunks::<2>().0 {
                file.write_all(&single(u16::from_le_bytes(*half)).to_le_bytes())?;
            }
        }
        Ok(())
    }
}

/// All arrays of the new file, in its order.
fn tensors(size: &Size) -> Vec<Tensor> {
    let mut list = List(Vec::new());
    list.add("encoder.positional_embedding", "encoder/position_encodings/encodings", Shape::Single);
    for conv in ["conv1", "conv2"] {
        list.add(format!("encoder.{conv}.weight"), format!("encoder/{conv}/weight"), Shape::Matrix);
        list.add(format!("encoder.{conv}.bias"), format!("encoder/{conv}/bias"), Shape::Column);
    }
    for layer in 0..size.encoder_layers {
        let (to, from) = (format!("encoder.blocks.{layer}"), format!("encoder/layer_{layer}"));
        list.own_attention(&to, &from);
        list.thinking(&to, &from);
    }
    list.norm("encoder.ln_post", "encoder/layer_norm");

    list.add("decoder.positional_embedding", "decoder/position_encodings/encodings", Shape::Single);
    list.add("decoder.token_embedding.weight", "decoder/embeddings/weight", Shape::Matrix);
    for layer in 0..size.decoder_layers {
        let (to, from) = (format!("decoder.blocks.{layer}"), format!("decoder/layer_{layer}"));
        list.own_attention(&to, &from);
        list.attention_to_sound(&to, &from);
        list.thinking(&to, &from);
    }
    list.norm("decoder.ln", "decoder/layer_norm");
    list.0
}

struct List(Vec<Tensor>);

impl List {
    fn add(&mut self, name: impl Into<String>, from: impl Into<String>, shape: Shape) {
        self.part(name, from, (0, 1), shape);
    }

    fn part(&mut self, name: impl Into<String>, from: impl Into<String>, part: (u32, u32), shape: Shape) {
        self.0.push(Tensor { name: name.into(), from: from.into(), part, shape });
    }

    /// A part of a linear layer's rows. The key of an attention has no bias, which CTranslate2 fills with zeros.
    fn linear(&mut self, name: &str, from: &str, part: (u32, u32)) {
        self.part(format!("{name}.weight"), format!("{from}/weight"), part, Shape::Matrix);
        if !name.ends_with(".key") {
            self.part(format!("{name}.bias"), format!("{from}/bias"), part, Shape::Single);
        }
    }

    fn norm(&mut self, name: &str, from: &str) {
        self.add(format!("{name}.weight"), format!("{from}/gamma"), Shape::Single);
        self.add(format!("{name}.bias"), format!("{from}/beta"), Shape::Single);
    }

    fn own_attention(&mut self, to: &str, from: &str) {
        let from = format!("{from}/self_attention");
        for (n, role) in ["query", "key", "value"].into_iter().enumerate() {
            self.linear(&format!("{to}.attn.{role}"), &format!("{from}/linear_0"), (n as u32, 3));
        }
        self.linear(&format!("{to}.attn.out"), &format!("{from}/linear_1"), (0, 1));
        self.norm(&format!("{to}.attn_ln"), &format!("{from}/layer_norm"));
    }

    fn attention_to_sound(&mut self, to: &str, from: &str) {
        let from = format!("{from}/attention");
        self.linear(&format!("{to}.cross_attn.query"), &format!("{from}/linear_0"), (0, 1));
        self.linear(&format!("{to}.cross_attn.key"), &format!("{from}/linear_1"), (0, 2));
        self.linear(&format!("{to}.cross_attn.value"), &format!("{from}/linear_1"), (1, 2));
        self.linear(&format!("{to}.cross_attn.out"), &format!("{from}/linear_2"), (0, 1));
        self.norm(&format!("{to}.cross_attn_ln"), &format!("{from}/layer_norm"));
    }

    fn thinking(&mut self, to: &str, from: &str) {
        self.linear(&format!("{to}.mlp.0"), &format!("{from}/ffn/linear_0"), (0, 1));
        self.linear(&format!("{to}.mlp.2"), &format!("{from}/ffn/linear_1"), (0, 1));
        self.norm(&format!("{to}.mlp_ln"), &format!("{from}/ffn/layer_norm"));
    }
}

/// The bytes of the first `count` tokens.
fn tokens(tokenizer: &[u8], count: u32) -> Result<Vec<Vec<u8>>, RecipeError> {
    #[derive(Deserialize)]
    struct Tokenizer {
        model: Vocabulary,
    }
    #[derive(Deserialize)]
    struct Vocabulary {
        vocab: HashMap<String, u32>,
    }
    let read: Tokenizer = serde_json::from_slice(tokenizer)
        .map_err(|error| RecipeError::unfit(format!("the tokenizer can't be read: {error}")))?;
    let letters = letters();
    let mut tokens = vec![None; count as usize];
    for (text, id) in read.model.vocab {
        if let Some(token) = tokens.get_mut(id as usize) {
            *token = text.chars().map(|letter| letters.get(&letter).copied()).collect::<Option<Vec<u8>>>();
        }
    }
    tokens
        .into_iter()
        .collect::<Option<_>>()
        .ok_or_else(|| RecipeError::unfit(format!("the tokenizer has not all of the first {count} tokens")))
}

/// The letter that stands for each byte in a tokenizer's file: itself where it can be seen, else one from 256 on.
fn letters() -> HashMap<char, u8> {
    let mut unseen = 0x100..;
    (0..=u8::MAX)
        .filter_map(|byte| {
            let seen = matches!(byte, b'!'..=b'~' | 0xa1..=0xac | 0xae..=0xff);
            let letter = if seen { Some(u32::from(byte)) } else { unseen.next() };
            Some((char::from_u32(letter?)?, byte))
        })
        .collect()
}

/// A half-precision number as a single-precision one, which can hold each of them exactly.
fn single(half: u16) -> f32 {
    let sign = u32::from(half >> 15) << 31;
    let exponent = u32::from(half >> 10) & 0x1f;
    let fraction = u32::from(half) & 0x3ff;
    let magnitude = match exponent {
        0 => return f32::from_bits(sign | (fraction as f32 * 2_f32.powi(-24)).to_bits()),
        0x1f => 0x7f80_0000 | fraction << 13,
        _ => (exponent + 112) << 23 | fraction << 13,
    };
    f32::from_bits(sign | magnitude)
}

#[cfg(test)]
pub(crate) mod tests {
    use std::io::Cursor;

    use super::*;

    const WIDTH: u32 = 64;

    #[test]
    fn every_half_becomes_the_same_number() {
        for (half, number) in [
            (0x0000, 0.0),
            (0x3c00, 1.0),
            (0xc000, -2.0),
            (0x3555, 0.333_251_95),
            (0x7bff, 65_504.0),
            (0x0001, 5.960_464_5e-8),
            (0x83ff, -6.097_555e-5),
            (0x7c00, f32::INFINITY),
        ] {
            assert_eq!(single(half), number, "{half:04x}");
        }
        assert!(single(0x7e00).is_nan());
        assert_eq!(single(0x8000).to_bits(), (-0.0_f32).to_bits());
    }

    #[test]
    fn every_byte_has_a_letter() {
        let letters = letters();
        assert_eq!(letters.len(), 256);
        assert_eq!((letters[&'A'], letters[&'Ġ'], letters[&'Ċ'], letters[&'é']), (b'A', b' ', b'\n', 0xe9));
    }

    /// A model of one layer each, whose numbers count upwards from array to array.
    pub(crate) fn model(skip: &str) -> Vec<u8> {
        let square = [WIDTH, WIDTH];
        let mut arrays: Vec<(String, Vec<u32>)> = Vec::new();
        let mut add = |name: &str, shape: &[u32]| arrays.push((name.to_owned(), shape.to_vec()));
        add("encoder/position_encodings/encodings", &[20, WIDTH]);
        add("encoder/conv1/weight", &[WIDTH, 80, 3]);
        add("encoder/conv1/bias", &[WIDTH]);
        add("encoder/conv2/weight", &[WIDTH, WIDTH, 3]);
        add("encoder/conv2/bias", &[WIDTH]);
        add("decoder/position_encodings/encodings", &[10, WIDTH]);
        add("decoder/embeddings/weight", &[51_864, 1]);
        for side in ["encoder", "decoder"] {
            add(&format!("{side}/layer_norm/gamma"), &[WIDTH]);
            add(&format!("{side}/layer_norm/beta"), &[WIDTH]);
            let layer = format!("{side}/layer_0");
            let mut parts = vec![("self_attention", 3 * WIDTH, "linear_1"), ("ffn", WIDTH, "linear_1")];
            if side == "decoder" {
                parts.push(("attention", WIDTH, "linear_2"));
                add(&format!("{layer}/attention/linear_1/weight"), &[2 * WIDTH, WIDTH]);
                add(&format!("{layer}/attention/linear_1/bias"), &[2 * WIDTH]);
            }
            for (part, rows, last) in parts {
                add(&format!("{layer}/{part}/linear_0/weight"), &[rows, WIDTH]);
                add(&format!("{layer}/{part}/linear_0/bias"), &[rows]);
                add(&format!("{layer}/{part}/{last}/weight"), &square);
                add(&format!("{layer}/{part}/{last}/bias"), &[WIDTH]);
                add(&format!("{layer}/{part}/layer_norm/gamma"), &[WIDTH]);
                add(&format!("{layer}/{part}/layer_norm/beta"), &[WIDTH]);
            }
        }
        arrays.retain(|(name, _)| name != skip);

        let mut file = Vec::new();
        let string = |file: &mut Vec<u8>, text: &str| {
            file.extend((text.len() as u16 + 1).to_le_bytes());
            file.extend(text.as_bytes());
            file.push(0);
        };
        file.extend(6_u32.to_le_bytes());
        string(&mut file, "WhisperSpec");
        file.extend(3_u32.to_le_bytes());
        file.extend((arrays.len() as u32).to_le_bytes());
        for (name, mut shape) in arrays {
            if name == "decoder/embeddings/weight" {
                shape[1] = WIDTH;
            }
            string(&mut file, &name);
            file.push(shape.len() as u8);
            shape.iter().for_each(|size| file.extend(size.to_le_bytes()));
            let numbers: u32 = shape.iter().product();
            file.push(4);
            file.extend((numbers * 2).to_le_bytes());
            file.extend((0..numbers).flat_map(|n| ((n / WIDTH) as u16).to_le_bytes()));
        }
        file.extend(0_u32.to_le_bytes());
        file
    }

    pub(crate) fn tokenizer(count: u32) -> Vec<u8> {
        let vocab: serde_json::Map<String, serde_json::Value> =
            (0..count).map(|n| (format!("Ġ{n}"), n.into())).collect();
        serde_json::json!({ "model": { "vocab": vocab } }).to_string().into_bytes()
    }

    pub(crate) fn converted(model: Vec<u8>, tokenizer: &[u8]) -> Result<Vec<u8>, RecipeError> {
        let mut contents = Contents::read(Cursor::new(model))?;
        let mut out = Vec::new();
        write(&mut contents, tokenizer, &mut out, &CancellationToken::new())?;
        Ok(out)
    }

    /// Name, dimensions, whether in half precision, and the bytes.
    type Tensor = (String, Vec<u32>, bool, Vec<u8>);

    /// The arrays of a file for whisper.cpp: name, sizes from the inmost on, whether in half precision, numbers' bytes.
    fn read_back(file: &[u8]) -> (Vec<u32>, usize, Vec<Tensor>) {
        let mut at = 0;
        let mut next = |bytes: usize| {
            at += bytes;
            &file[at - bytes..at]
        };
        let number = |bytes: &[u8]| u32::from_le_bytes(bytes.try_into().unwrap());
        let header: Vec<u32> = (0..14).map(|_| number(next(4))).collect();
        next(header[12] as usize * header[13] as usize * 4);
        let tokens = number(next(4)) as usize;
        for _ in 0..tokens {
            let length = number(next(4)) as usize;
            assert!(next(length).starts_with(b" "));
        }
        let mut arrays = Vec::new();
        let mut left = file.len() - at;
        while left > 0 {
            let mut next = |bytes: usize| {
                at += bytes;
                left -= bytes;
                &file[at - bytes..at]
            };
            let (rank, name, half) = (number(next(4)), number(next(4)), number(next(4)) == 1);
            let shape: Vec<u32> = (0..rank).map(|_| number(next(4))).collect();
            let name = String::from_utf8(next(name as usize).to_vec()).unwrap();
            let bytes = shape.iter().product::<u32>() as usize * if half { 2 } else { 4 };
            arrays.push((name, shape, half, next(bytes).to_vec()));
        }
        (header, tokens, arrays)
    }

    #[test]
    fn all_arrays_arrive_under_their_new_names_and_the_joined_ones_are_taken_apart() {
        let file = converted(model(""), &tokenizer(50_300)).unwrap();
        let (header, tokens, arrays) = read_back(&file);
        assert_eq!(header, [MAGIC, 51_864, 20, 64, 1, 1, 10, 64, 1, 1, 80, 1, 80, 201]);
        assert_eq!(tokens, 50_256);
        assert_eq!(arrays.len(), 5 + 15 + 2 + 2 + 24 + 2);
        let array = |name: &str| arrays.iter().find(|array| array.0 == name).unwrap();
        let value = array("encoder.blocks.0.attn.value.weight");
        assert_eq!((&value.1, value.2), (&vec![64, 64], true));
        assert_eq!(value.3[..2], 128_u16.to_le_bytes(), "it begins after the rows of query and key");
        assert_eq!(array("decoder.blocks.0.cross_attn.value.weight").3[..2], 64_u16.to_le_bytes());
        let bias = array("encoder.conv1.bias");
        assert_eq!((&bias.1, bias.2), (&vec![1, 64], false));
        assert!(arrays.iter().all(|array| array.0 != "encoder.blocks.0.attn.key.bias"));
        let value_bias = array("encoder.blocks.0.attn.value.bias");
        assert_eq!((&value_bias.1, value_bias.2), (&vec![64], false));
        assert_eq!(value_bias.3[..4], single(2).to_le_bytes());
    }

    #[test]
    fn what_is_missing_is_named() {
        let error = converted(model("encoder/conv2/bias"), &tokenizer(50_300)).unwrap_err().to_string();
        assert_eq!(error, "there is no encoder/conv2/bias in half precision in the model");
        let error = converted(model(""), &tokenizer(100)).unwrap_err().to_string();
        assert_eq!(error, "the tokenizer has not all of the first 50256 tokens");
        let error = converted(model(""), b"{}").unwrap_err().to_string();
        assert!(error.starts_with("the tokenizer can't be read"), "{error}");
    }

    #[test]
    fn a_file_cut_off_anywhere_is_refused() {
        let whole = model("");
        for length in [0, 3, 20, 60, 3_000, whole.len() / 2, whole.len() - 5] {
            let error = converted(whole[..length].to_vec(), &tokenizer(50_300)).unwrap_err();
            assert!(matches!(error, RecipeError::Unfit(_)), "{length}: {error}");
        }
    }
}
