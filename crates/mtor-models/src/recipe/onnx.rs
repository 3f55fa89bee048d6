//! Writes ONNX files: as much of the format as the recipes need.
//!
//! The format is protocol buffers. The same calls give the same bytes.

/// A network, node by node, in the order of computation.
#[derive(Default)]
pub(crate) struct Graph {
    body: Message,
    names: usize,
}

/// One attribute of a node.
pub(crate) enum Attribute<'a> {
    Float(f32),
    Integer(i64),
    Text(&'a str),
    Integers(&'a [i64]),
}

/// The numbers of a constant.
pub(crate) enum Numbers<'a> {
    Floats(&'a [f32]),
    Integers(&'a [i64]),
}

/// ONNX's numbers for its types.
const FLOAT: u64 = 1;
const INTEGER: u64 = 7;

/// What the files say that they are.
const FORMAT: u64 = 8;
const OPERATORS: u64 = 13;

impl Graph {
    /// A constant of this shape; gives its name.
    pub(crate) fn constant(&mut self, shape: &[usize], numbers: Numbers<'_>) -> String {
        let name = self.new_name();
        let (kind, raw): (u64, Vec<u8>) = match numbers {
            Numbers::Floats(floats) => (FLOAT, floats.iter().flat_map(|float| float.to_le_bytes()).collect()),
            Numbers::Integers(all) => (INTEGER, all.iter().flat_map(|number| number.to_le_bytes()).collect()),
        };
        let mut tensor = Message::default();
        shape.iter().for_each(|side| tensor.number(1, *side as u64));
        tensor.number(2, kind);
        tensor.text(8, &name);
        tensor.bytes(9, &raw);
        self.body.message(5, &tensor);
        name
    }

    /// A node with one output; gives its name.
    pub(crate) fn node(
        &mut self,
        operator: &str,
        inputs: &[&str],
        attributes: &[(&str, Attribute<'_>)],
    ) -> String {
        let output = self.new_name();
        self.node_into(operator, inputs, &[&output], attributes);
        output
    }

    /// A node whose outputs have these names.
    pub(crate) fn node_into(
        &mut self,
        operator: &str,
        inputs: &[&str],
        outputs: &[&str],
        attributes: &[(&str, Attribute<'_>)],
    ) {
        let mut node = Message::default();
        inputs.iter().for_each(|input| node.text(1, input));
        outputs.iter().for_each(|output| node.text(2, output));
        node.text(4, operator);
        for (name, value) in attributes {
            let mut attribute = Message::default();
            attribute.text(1, name);
            match value {
                Attribute::Float(float) => {
                    attribute.float(2, *float);
                    attribute.number(20, 1);
                }
                Attribute::Integer(number) => {
                    attribute.number(3, number.cast_unsigned());
                    attribute.number(20, 2);
                }
                Attribute::Text(text) => {
                    attribute.text(4, text);
                    attribute.number(20, 3);
                }
                Attribute::Integers(all) => {
                    all.iter().for_each(|number| attribute.number(8, number.cast_unsigned()));
                    attribute.number(20, 7);
                }
            }
            node.message(5, &attribute);
        }
        self.body.message(1, &node);
    }

    /// A name that nothing else in the graph has.
    pub(crate) fn new_name(&mut self) -> String {
        self.names += 1;
        format!("v{}", self.names)
    }

    /// The file, for a network with these inputs and outputs of numbers.
    pub(crate) fn file(
        mut self,
        name: &str,
        inputs: &[(&str, &[usize])],
        outputs: &[(&str, &[usize])],
    ) -> Vec<u8> {
        self.body.text(2, name);
        inputs.iter().for_each(|(name, shape)| self.body.message(11, &value(name, shape)));
        outputs.iter().for_each(|(name, shape)| self.body.message(12, &value(name, shape)));
        let mut operators = Message::default();
        operators.text(1, "");
        operators.number(2, OPERATORS);
        let mut model = Message::default();
        model.number(1, FORMAT);
        model.message(7, &self.body);
        model.message(8, &operators);
        model.0
    }
}

fn value(name: &str, shape: &[usize]) -> Message {
    let mut sides = Message::default();
    for side in shape {
        let mut dimension = Message::default();
        dimension.number(1, *side as u64);
        sides.message(1, &dimension);
    }
    let mut tensor = Message::default();
    tensor.number(1, FLOAT);
    tensor.message(2, &sides);
    let mut kind = Message::default();
    kind.message(1, &tensor);
    let mut value = Message::default();
    value.text(1, name);
    value.message(2, &kind);
    value
}

/// The bytes of one message of protocol buffers.
#[derive(Default)]
struct Message(Vec<u8>);

impl Message {
    fn number(&mut self, field: u8, number: u64) {
        self.key(field, 0);
        self.variable(number);
    }

    fn float(&mut self, field: u8, float: f32) {
        self.key(field, 5);
        self.0.extend(float.to_le_bytes());
    }

    fn bytes(&mut self, field: u8, bytes: &[u8]) {
        self.key(field, 2);
        self.variable(bytes.len() as u64);
        self.0.extend(bytes);
    }

    fn text(&mut self, field: u8, text: &str) {
        self.bytes(field, text.as_bytes());
    }

    fn message(&mut self, field: u8, message: &Self) {
        self.bytes(field, &message.0);
    }

    fn key(&mut self, field: u8, kind: u8) {
        self.variable(u64::from(field) << 3 | u64::from(kind));
    }

    /// Seven bits a byte, the lowest first.
    fn variable(&mut self, mut number: u64) {
        while number >= 0x80 {
            self.0.push((number & 0x7f) as u8 | 0x80);
            number >>= 7;
        }
        self.0.push(number as u8);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_written_as_protocol_buffers_have_them() {
        let mut message = Message::default();
        message.number(1, 150);
        message.text(2, "testing");
        message.float(20, 1.0);
        assert_eq!(
            message.0,
            [&[0x08, 0x96, 0x01, 0x12, 7][..], b"testing", &[0xa5, 0x01, 0, 0, 0x80, 0x3f]].concat()
        );
    }
}
