//! NanoDet as an ONNX file, of the one for TensorFlow.js: `nanodet.json`, the graph, and `nanodet.bin`, its numbers.
//!
//! TensorFlow computes with the channels last, ONNX with the channels first. The graph turns its data to and fro itself,
//! since it came from a framework of the latter kind: those turns are dropped, and what lies between them is computed with
//! the channels first.

use std::collections::{HashMap, HashSet};
use std::fs;
use std::path::Path;

use serde::Deserialize;
use tokio_util::sync::CancellationToken;

use super::RecipeError;
use super::onnx::{Attribute, Graph, Numbers};

/// What goes in: one picture of 416 x 416 pixels.
const INPUT: (&str, &[usize]) = ("input_1", &[1, 3, 416, 416]);
/// What comes out, for the three grids of cells: how likely each class is in a cell, and how far the sides of the box are.
const OUTPUTS: [(&str, &[usize]); 6] = [
    ("Identity", &[1, 2704, 80]),
    ("Identity_1", &[1, 676, 80]),
    ("Identity_2", &[1, 169, 80]),
    ("Identity_3", &[1, 2704, 44]),
    ("Identity_4", &[1, 676, 44]),
    ("Identity_5", &[1, 169, 44]),
];

/// Makes `out`.
pub(crate) fn make(
    json: &Path,
    bin: &Path,
    out: &Path,
    cancel: &CancellationToken,
) -> Result<(), RecipeError> {
    let file = converted(&fs::read(json)?, &fs::read(bin)?)?;
    if cancel.is_cancelled() {
        return Err(RecipeError::Cancelled);
    }
    Ok(fs::write(out, file)?)
}

fn converted(json: &[u8], numbers: &[u8]) -> Result<Vec<u8>, RecipeError> {
    let document: Document = serde_json::from_slice(json)
        .map_err(|error| RecipeError::unfit(format!("it is no graph for TensorFlow.js: {error}")))?;
    let constants = read_constants(&document.weights_manifest, numbers)?;
    let nodes = &document.model_topology.node;
    let mut converter = Converter::new(constants, nodes);
    for node in nodes {
        converter
            .convert(node)
            .map_err(|why| RecipeError::unfit(format!("node {} ({}): {why}", node.name, node.op)))?;
    }
    Ok(converter.graph.file("nanodet", &[INPUT], &OUTPUTS))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Document {
    model_topology: Topology,
    weights_manifest: Vec<Manifest>,
}

#[derive(Deserialize)]
struct Topology {
    node: Vec<Node>,
}

#[derive(Deserialize)]
struct Node {
    name: String,
    op: String,
    #[serde(default)]
    input: Vec<String>,
    #[serde(default)]
    attr: HashMap<String, serde_json::Value>,
}

impl Node {
    /// Two of the four numbers of an attribute: those of height and width.
    fn sides(&self, attribute: &str) -> Result<[i64; 2], String> {
        let list = self.attr.get(attribute).and_then(|value| value["list"]["i"].as_array());
        let side = |place: usize| {
            let value = list.and_then(|list| list.get(place))?;
            value.as_i64().or_else(|| value.as_str()?.parse().ok())
        };
        side(1)
            .zip(side(2))
            .map(|(height, width)| [height, width])
            .ok_or_else(|| format!("it has no {attribute}"))
    }
}

#[derive(Deserialize)]
struct Manifest {
    weights: Vec<Weight>,
}

#[derive(Deserialize)]
struct Weight {
    name: String,
    shape: Vec<usize>,
    dtype: String,
    quantization: Option<Quantization>,
}

#[derive(Deserialize)]
struct Quantization {
    dtype: String,
}

/// A constant of the graph. Whole numbers are small enough to be exact here.
#[derive(Clone)]
struct Constant {
    shape: Vec<usize>,
    values: Vec<f32>,
}

impl Constant {
    fn integers(&self) -> Vec<i64> {
        self.values.iter().map(|value| *value as i64).collect()
    }
}

/// All constants, as they stand one after the other in the file.
fn read_constants(
    manifests: &[Manifest],
    mut bytes: &[u8],
) -> Result<HashMap<String, Constant>, RecipeError> {
    let mut constants = HashMap::new();
    for weight in manifests.iter().flat_map(|manifest| &manifest.weights) {
        let stored = weight.quantization.as_ref().map_or(weight.dtype.as_str(), |as_| as_.dtype.as_str());
        let read: fn(&[u8]) -> f32 = match stored {
            "float16" => |bytes| half(u16::from_le_bytes([bytes[0], bytes[1]])),
            "float32" => |bytes| f32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]),
            "int32" => |bytes| i32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]) as f32,
            other => return Err(RecipeError::unfit(format!("{} is stored as {other}", weight.name))),
        };
        let width = if stored == "float16" { 2 } else { 4 };
        let length = weight.shape.iter().try_fold(width, |bytes: usize, side| bytes.checked_mul(*side));
        let (own, rest) = length
            .and_then(|length| bytes.split_at_checked(length))
            .ok_or_else(|| RecipeError::unfit(format!("its numbers end before those of {}", weight.name)))?;
        bytes = rest;
        let constant =
            Constant { shape: weight.shape.clone(), values: own.chunks_exact(width).map(read).collect() };
        constants.insert(weight.name.clone(), constant);
    }
    Ok(constants)
}

/// A number of 16 bits (IEEE 754).
fn half(bits: u16) -> f32 {
    let sign = u32::from(bits >> 15) << 31;
    let (exponent, fraction) = (u32::from(bits >> 10 & 0x1f), u32::from(bits & 0x3ff));
    match exponent {
        0 => f32::from_bits(sign | (fraction as f32 / 16_777_216.0).to_bits()),
        31 => f32::from_bits(sign | 0x7f80_0000 | fraction << 13),
        _ => f32::from_bits(sign | (exponent + 112) << 23 | fraction << 13),
    }
}

/// What a node of the old graph is in the new one.
#[derive(Clone)]
struct Value {
    name: String,
    /// The old graph has its channels last here; the new one has them first all the same.
    turned: bool,
}

struct Converter<'a> {
    graph: Graph,
    constants: HashMap<String, Constant>,
    values: HashMap<String, Value>,
    /// What is added to each convolution's channels, which ONNX does in the convolution itself.
    biases: HashMap<&'a str, &'a str>,
    /// The additions that are done that way.
    added: HashSet<&'a str>,
}

impl<'a> Converter<'a> {
    fn new(constants: HashMap<String, Constant>, nodes: &'a [Node]) -> Self {
        let convolutions: HashSet<&str> =
            nodes.iter().filter(|node| node.op == "Conv2D").map(|node| node.name.as_str()).collect();
        let (mut biases, mut added) = (HashMap::new(), HashSet::new());
        for node in nodes.iter().filter(|node| is_addition(node)) {
            if let [sum, bias] = node.input.as_slice()
                && convolutions.contains(sum.as_str())
                && constants.contains_key(bias)
            {
                biases.insert(sum.as_str(), bias.as_str());
                added.insert(node.name.as_str());
            }
        }
        Self { graph: Graph::default(), constants, values: HashMap::new(), biases, added }
    }

    fn convert(&mut self, node: &Node) -> Result<(), String> {
        match node.op.as_str() {
            "Const" => return Ok(()),
            "SparseToDense" => return self.fill(node),
            "Add" | "AddV2" if node.input.iter().all(|input| self.constants.contains_key(input)) => {
                return self.add_constants(node);
            }
            "SplitV" => return self.split(node),
            _ => {}
        }
        let value = match node.op.as_str() {
            "Placeholder" => Value { name: node.name.clone(), turned: false },
            _ if self.added.contains(node.name.as_str()) => self.value(node, 0)?,
            "Identity" => {
                let Value { name, turned } = self.value(node, 0)?;
                self.graph.node_into("Identity", &[&name], &[&node.name], &[]);
                Value { name: node.name.clone(), turned }
            }
            "Transpose" => self.transpose(node)?,
            "Pad" | "PadV2" => self.pad(node)?,
            "Conv2D" => self.convolve(node)?,
            "MaxPool" => {
                let input = self.turned(node, 0)?;
                let (size, step) = (node.sides("ksize")?, node.sides("strides")?);
                let attributes =
                    [("kernel_shape", Attribute::Integers(&size)), ("strides", Attribute::Integers(&step))];
                self.turned_node("MaxPool", &[&input], &attributes)
            }
            "LeakyRelu" => {
                let alpha = node.attr.get("alpha").and_then(|value| value["f"].as_f64());
                let alpha = alpha.ok_or("it has no alpha")? as f32;
                self.simple(node, "LeakyRelu", &[("alpha", Attribute::Float(alpha))])?
            }
            "Sigmoid" => self.simple(node, "Sigmoid", &[])?,
            "Add" | "AddV2" => {
                let (left, right) = (self.value(node, 0)?, self.value(node, 1)?);
                if left.turned != right.turned {
                    return Err("it adds what does not lie the same way".to_owned());
                }
                let name = self.graph.node("Add", &[&left.name, &right.name], &[]);
                Value { name, turned: left.turned }
            }
            "ConcatV2" => self.concatenate(node)?,
            "ResizeBilinear" => self.resize(node)?,
            "Reshape" => {
                let input = self.straight(node, 0)?;
                let shape = self.whole_numbers(node, 1)?;
                let shape = self.graph.constant(&[shape.len()], Numbers::Integers(&shape));
                let name = self.graph.node("Reshape", &[&input, &shape], &[]);
                Value { name, turned: false }
            }
            other => return Err(format!("{other} is not known here")),
        };
        self.values.insert(node.name.clone(), value);
        Ok(())
    }

    /// A constant that is one number but for a few places.
    fn fill(&mut self, node: &Node) -> Result<(), String> {
        let shape: Vec<usize> = self.whole_numbers(node, 1)?.iter().map(|side| *side as usize).collect();
        let [places, values, other] = [0, 2, 3].map(|place| self.constant(node, place).cloned());
        let (places, values, other) = (places?, values?, other?);
        let mut filled = vec![*other.values.first().ok_or("it fills with nothing")?; shape.iter().product()];
        for (row, place) in places.values.chunks_exact(shape.len()).enumerate() {
            let at = place.iter().zip(&shape).fold(0, |at, (step, side)| at * side + *step as usize);
            let value = values.values.get(row).or(values.values.first()).ok_or("it has no values")?;
            *filled.get_mut(at).ok_or("it writes beyond its end")? = *value;
        }
        self.constants.insert(node.name.clone(), Constant { shape, values: filled });
        Ok(())
    }

    fn add_constants(&mut self, node: &Node) -> Result<(), String> {
        let (left, right) = (self.constant(node, 0)?, self.constant(node, 1)?);
        if left.shape != right.shape {
            return Err("it adds constants of different shapes".to_owned());
        }
        let values = left.values.iter().zip(&right.values).map(|(a, b)| a + b).collect();
        let sum = Constant { shape: left.shape.clone(), values };
        self.constants.insert(node.name.clone(), sum);
        Ok(())
    }

    fn transpose(&mut self, node: &Node) -> Result<Value, String> {
        let Value { name, turned } = self.value(node, 0)?;
        let order = self.whole_numbers(node, 1)?;
        Ok(match (order.as_slice(), turned) {
            ([0, 2, 3, 1], false) => Value { name, turned: true },
            ([0, 3, 1, 2], true) => Value { name, turned: false },
            (order, false) => {
                let name = self.graph.node("Transpose", &[&name], &[("perm", Attribute::Integers(order))]);
                Value { name, turned }
            }
            (order, true) => return Err(format!("it turns {order:?} what has been turned")),
        })
    }

    fn pad(&mut self, node: &Node) -> Result<Value, String> {
        let Value { name, turned } = self.value(node, 0)?;
        let pairs = self.whole_numbers(node, 1)?;
        let [n, h, w, c] = <[i64; 8]>::try_from(pairs)
            .map(|p| [[p[0], p[1]], [p[2], p[3]], [p[4], p[5]], [p[6], p[7]]])
            .map_err(|_| "it does not pad four sides")?;
        let pairs = if turned { [n, c, h, w] } else { [n, h, w, c] };
        let pads: Vec<i64> = [0, 1].iter().flat_map(|end| pairs.map(|pair| pair[*end])).collect();
        let with = match node.input.len() {
            3 => *self.constant(node, 2)?.values.first().ok_or("it pads with nothing")?,
            _ => 0.0,
        };
        let pads = self.graph.constant(&[pads.len()], Numbers::Integers(&pads));
        let with = self.graph.constant(&[], Numbers::Floats(&[with]));
        let name = self.graph.node("Pad", &[&name, &pads, &with], &[]);
        Ok(Value { name, turned })
    }

    fn convolve(&mut self, node: &Node) -> Result<Value, String> {
        let input = self.turned(node, 0)?;
        let weights = self.constant(node, 1)?;
        let [height, width, from, to] =
            <[usize; 4]>::try_from(weights.shape.clone()).map_err(|_| "its weights have not four sides")?;
        let mut turned = Vec::with_capacity(weights.values.len());
        for out in 0..to {
            for channel in 0..from {
                for cell in 0..height * width {
                    turned.push(weights.values[(cell * from + channel) * to + out]);
                }
            }
        }
        // "VALID" in base 64: nothing is added at the edges.
        if node.attr.get("padding").and_then(|value| value["s"].as_str()) != Some("VkFMSUQ=") {
            return Err("it pads by itself".to_owned());
        }
        let steps = node.sides("strides")?;
        let weights = self.graph.constant(&[to, from, height, width], Numbers::Floats(&turned));
        let mut inputs = vec![input, weights];
        if let Some(bias) = self.biases.get(node.name.as_str()).and_then(|name| self.constants.get(*name)) {
            inputs.push(self.graph.constant(&[bias.values.len()], Numbers::Floats(&bias.values)));
        }
        let inputs: Vec<&str> = inputs.iter().map(String::as_str).collect();
        let size = [height as i64, width as i64];
        let attributes =
            [("kernel_shape", Attribute::Integers(&size)), ("strides", Attribute::Integers(&steps))];
        Ok(self.turned_node("Conv", &inputs, &attributes))
    }

    fn concatenate(&mut self, node: &Node) -> Result<Value, String> {
        let count = node.input.len().checked_sub(1).ok_or("it has no input")?;
        let axis = self.whole_numbers(node, count)?;
        let inputs: Vec<String> =
            (0..count).map(|place| self.straight(node, place)).collect::<Result<_, _>>()?;
        let inputs: Vec<&str> = inputs.iter().map(String::as_str).collect();
        let axis = *axis.first().ok_or("it has no axis")?;
        let name = self.graph.node("Concat", &inputs, &[("axis", Attribute::Integer(axis))]);
        Ok(Value { name, turned: false })
    }

    fn resize(&mut self, node: &Node) -> Result<Value, String> {
        let input = self.turned(node, 0)?;
        let size = self.whole_numbers(node, 1)?;
        let graph = &mut self.graph;
        let shape = graph.node("Shape", &[&input], &[]);
        let from = graph.constant(&[1], Numbers::Integers(&[0]));
        let to = graph.constant(&[1], Numbers::Integers(&[2]));
        let kept = graph.node("Slice", &[&shape, &from, &to], &[]);
        let size = graph.constant(&[size.len()], Numbers::Integers(&size));
        let size = graph.node("Concat", &[&kept, &size], &[("axis", Attribute::Integer(0))]);
        let attributes = [
            ("mode", Attribute::Text("linear")),
            ("coordinate_transformation_mode", Attribute::Text("half_pixel")),
        ];
        Ok(self.turned_node("Resize", &[&input, "", "", &size], &attributes))
    }

    fn split(&mut self, node: &Node) -> Result<(), String> {
        let input = self.straight(node, 0)?;
        let sizes = self.whole_numbers(node, 1)?;
        let axis = *self.whole_numbers(node, 2)?.first().ok_or("it has no axis")?;
        let names: Vec<String> = sizes.iter().map(|_| self.graph.new_name()).collect();
        let outputs: Vec<&str> = names.iter().map(String::as_str).collect();
        let sizes = self.graph.constant(&[sizes.len()], Numbers::Integers(&sizes));
        self.graph.node_into("Split", &[&input, &sizes], &outputs, &[("axis", Attribute::Integer(axis))]);
        for (number, name) in names.into_iter().enumerate() {
            let old = if number == 0 { node.name.clone() } else { format!("{}:{number}", node.name) };
            self.values.insert(old, Value { name, turned: false });
        }
        Ok(())
    }

    fn simple(
        &mut self,
        node: &Node,
        operator: &str,
        attributes: &[(&str, Attribute<'_>)],
    ) -> Result<Value, String> {
        let Value { name, turned } = self.value(node, 0)?;
        Ok(Value { name: self.graph.node(operator, &[&name], attributes), turned })
    }

    fn turned_node(
        &mut self,
        operator: &str,
        inputs: &[&str],
        attributes: &[(&str, Attribute<'_>)],
    ) -> Value {
        Value { name: self.graph.node(operator, inputs, attributes), turned: true }
    }

    fn value(&self, node: &Node, place: usize) -> Result<Value, String> {
        let name = node.input.get(place).ok_or("it has too few inputs")?;
        self.values.get(name).cloned().ok_or_else(|| format!("{name} is not computed before it"))
    }

    /// An input whose channels were last.
    fn turned(&self, node: &Node, place: usize) -> Result<String, String> {
        let value = self.value(node, place)?;
        if value.turned { Ok(value.name) } else { Err("its channels come first".to_owned()) }
    }

    /// An input that lies as it did.
    fn straight(&self, node: &Node, place: usize) -> Result<String, String> {
        let value = self.value(node, place)?;
        if value.turned { Err("its channels come last".to_owned()) } else { Ok(value.name) }
    }

    fn constant(&self, node: &Node, place: usize) -> Result<&Constant, String> {
        let name = node.input.get(place).ok_or("it has too few inputs")?;
        self.constants.get(name).ok_or_else(|| format!("{name} is no constant"))
    }

    fn whole_numbers(&self, node: &Node, place: usize) -> Result<Vec<i64>, String> {
        Ok(self.constant(node, place)?.integers())
    }
}

fn is_addition(node: &Node) -> bool {
    matches!(node.op.as_str(), "Add" | "AddV2")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn halves_are_read() {
        for (bits, number) in [
            (0x3c00, 1.0),
            (0xc000, -2.0),
            (0x3555, 0.333_251_95),
            (0x7bff, 65_504.0),
            (0x0001, 5.960_464_5e-8),
            (0x8000, 0.0),
        ] {
            assert_eq!(half(bits), number, "{bits:#x}");
        }
        assert!(half(0x7e00).is_nan() && half(0x7c00).is_infinite());
    }

    /// A graph of one convolution with the channels last, with what is added to it.
    fn small(op: &str) -> (String, Vec<u8>) {
        let json = serde_json::json!({
            "modelTopology": { "node": [
                { "name": "input_1", "op": "Placeholder" },
                { "name": "order", "op": "Const" }, { "name": "w", "op": "Const" }, { "name": "b", "op": "Const" },
                { "name": "last", "op": "Transpose", "input": ["input_1", "order"] },
                { "name": "conv", "op": op, "input": ["last", "w"], "attr": {
                    "padding": { "s": "VkFMSUQ=" }, "strides": { "list": { "i": ["1", "2", "2", "1"] } } } },
                { "name": "sum", "op": "AddV2", "input": ["conv", "b"] },
                { "name": "Identity", "op": "Identity", "input": ["sum"] },
            ] },
            "weightsManifest": [{ "weights": [
                { "name": "order", "shape": [4], "dtype": "int32" },
                { "name": "w", "shape": [1, 1, 2, 3], "dtype": "float32", "quantization": { "dtype": "float16" } },
                { "name": "b", "shape": [3], "dtype": "float32" },
            ] }],
        });
        let mut numbers: Vec<u8> = [0_i32, 2, 3, 1].iter().flat_map(|number| number.to_le_bytes()).collect();
        numbers.extend(
            [0x3c00_u16, 0x4000, 0x4200, 0x4400, 0x4500, 0x4600].iter().flat_map(|n| n.to_le_bytes()),
        );
        numbers.extend([0.5_f32, 1.5, 2.5].iter().flat_map(|number| number.to_le_bytes()));
        (json.to_string(), numbers)
    }

    fn holds(file: &[u8], part: &[u8]) -> bool {
        file.windows(part.len()).any(|window| window == part)
    }

    #[test]
    fn the_channels_come_first_and_the_addition_goes_into_the_convolution() {
        let (json, numbers) = small("Conv2D");
        let file = converted(json.as_bytes(), &numbers).unwrap();
        let weights: Vec<u8> =
            [1.0_f32, 4.0, 2.0, 5.0, 3.0, 6.0].iter().flat_map(|n| n.to_le_bytes()).collect();
        assert!(holds(&file, &weights) && holds(&file, b"Conv"));
        assert!(!holds(&file, b"Transpose") && !holds(&file, b"Add"));
    }

    #[test]
    fn what_is_not_known_or_too_short_is_refused_by_name() {
        let (json, numbers) = small("Conv3D");
        let refused =
            |json: &str, numbers: &[u8]| converted(json.as_bytes(), numbers).unwrap_err().to_string();
        assert_eq!(refused(&json, &numbers), "node conv (Conv3D): Conv3D is not known here");
        assert_eq!(refused(&json, &numbers[..20]), "its numbers end before those of w");
        assert!(refused("{}", &numbers).contains("no graph for TensorFlow.js"));
    }
}
