//! How many bytes a tensor takes in the file.

/// A tensor as the header lists it.
pub(super) struct Tensor {
    pub(super) elements: u64,
    pub(super) kind: u32,
    /// Where it begins within the data.
    pub(super) offset: u64,
}

impl Tensor {
    /// Where it ends within the data; `None` when its kind is not known. Absurd numbers end at the end of the world.
    pub(super) fn end(&self) -> Option<u64> {
        let (block_elements, block_bytes) = block(self.kind)?;
        let bytes = self.elements.div_ceil(block_elements).saturating_mul(block_bytes);
        Some(self.offset.saturating_add(bytes))
    }
}

/// Elements and bytes of one block of a kind of tensor, as the GGUF specification and ggml define them.
fn block(kind: u32) -> Option<(u64, u64)> {
    Some(match kind {
        0 | 26 => (1, 4),      // F32, I32
        1 | 25 | 30 => (1, 2), // F16, I16, BF16
        24 => (1, 1),          // I8
        27 | 28 => (1, 8),     // I64, F64
        2 => (32, 18),         // Q4_0
        3 => (32, 20),         // Q4_1
        6 => (32, 22),         // Q5_0
        7 => (32, 24),         // Q5_1
        8 => (32, 34),         // Q8_0
        9 => (32, 36),         // Q8_1
        10 => (256, 84),       // Q2_K
        11 => (256, 110),      // Q3_K
        12 => (256, 144),      // Q4_K
        13 => (256, 176),      // Q5_K
        14 => (256, 210),      // Q6_K
        15 => (256, 292),      // Q8_K
        16 => (256, 66),       // IQ2_XXS
        17 => (256, 74),       // IQ2_XS
        18 => (256, 98),       // IQ3_XXS
        19 => (256, 50),       // IQ1_S
        20 => (32, 18),        // IQ4_NL
        21 => (256, 110),      // IQ3_S
        22 => (256, 82),       // IQ2_S
        23 => (256, 136),      // IQ4_XS
        29 => (256, 56),       // IQ1_M
        34 => (256, 54),       // TQ1_0
        35 => (256, 66),       // TQ2_0
        39 => (32, 17),        // MXFP4
        _ => return None,
    })
}
