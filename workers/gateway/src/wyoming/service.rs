//! The client's side of a service: one connection for each thing that is asked of it, so that whoever has had enough just
//! hangs up.

use std::time::Duration;

use bytes::Bytes;
use mtor_wyoming::{
    Address, AudioFormat, AudioStop, Connection, Info, Message, Reader, SelectProgram, Synthesize,
    Transcribe, Transcript, Writer, connect,
};
use tokio::time::timeout;

use super::error::ServiceError;
use crate::defaults::{ANSWER_TIMEOUT, CONNECT_TIMEOUT, DESCRIBE_TIMEOUT};

/// A service, by its address. Asking it for something connects to it.
#[derive(Debug, Clone)]
pub struct Service {
    address: Address,
}

/// The sound that is to be written down, on its way to the service. Dropping it before [`end`](Self::end) gives it up.
pub struct Transcribing {
    writer: Writer,
    format: AudioFormat,
}

/// What the service makes of it.
pub struct TranscriptWords {
    reader: Reader,
    /// The pieces so far.
    pieces: String,
}

/// What is heard.
#[derive(Debug, Clone, PartialEq)]
pub enum Words {
    /// So far.
    SoFar(String),
    /// In all. Nothing comes after it.
    Whole(Transcript),
}

/// What a service says.
pub struct Speech {
    reader: Reader,
    /// Kept open: some services take the end of what they are sent for the end of the wish.
    _writer: Writer,
}

/// A piece of what a service says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sound {
    /// What its samples are like.
    pub format: AudioFormat,
    /// The samples.
    pub audio: Bytes,
}

impl Service {
    /// The service at an address.
    pub fn new(address: Address) -> Self {
        Self { address }
    }

    /// Where it is.
    pub fn address(&self) -> &Address {
        &self.address
    }

    /// Asks what it is.
    ///
    /// # Errors
    /// [`ServiceError`].
    pub async fn describe(&self) -> Result<Info, ServiceError> {
        describe(&mut self.connect(None).await?).await
    }

    /// Asks for a transcript of the sound that will be sent, by one of several programs.
    ///
    /// # Errors
    /// [`ServiceError`].
    pub async fn transcribe(
        &self,
        program: Option<&str>,
        ask: Transcribe,
        format: AudioFormat,
    ) -> Result<(Transcribing, TranscriptWords), ServiceError> {
        let Connection { reader, mut writer } = self.connect(program).await?;
        writer.send(Message::Transcribe(ask)).await?;
        writer.send(Message::AudioStart(format.into())).await?;
        Ok((Transcribing { writer, format }, TranscriptWords { reader, pieces: String::new() }))
    }

    /// Asks to speak a text, by one of several programs.
    ///
    /// # Errors
    /// [`ServiceError`].
    pub async fn synthesize(&self, program: Option<&str>, ask: Synthesize) -> Result<Speech, ServiceError> {
        let Connection { reader, mut writer } = self.connect(program).await?;
        writer.send(Message::Synthesize(ask)).await?;
        Ok(Speech { reader, _writer: writer })
    }

    pub(super) async fn connect(&self, program: Option<&str>) -> Result<Connection, ServiceError> {
        let mut connection = connect(&self.address, CONNECT_TIMEOUT).await?;
        if let Some(name) = program {
            connection.send(Message::SelectProgram(SelectProgram { name: name.to_owned() })).await?;
        }
        Ok(connection)
    }
}

/// Asks whoever is at the other end what it is. Whatever else it has to say meanwhile is of no interest.
pub(super) async fn describe(connection: &mut Connection) -> Result<Info, ServiceError> {
    connection.send(Message::Describe).await?;
    loop {
        if let Message::Info(info) = next(&mut connection.reader, DESCRIBE_TIMEOUT).await? {
            return Ok(*info);
        }
    }
}

impl Transcribing {
    /// Sends sound.
    ///
    /// # Errors
    /// [`ServiceError`]; why the service hung up, if it did, stands in its words.
    pub async fn send(&mut self, audio: Bytes) -> Result<(), ServiceError> {
        Ok(self.writer.send(Message::chunk(self.format, audio)).await?)
    }

    /// That was all. Keep what comes back until the words are there: it keeps the connection open.
    ///
    /// # Errors
    /// [`ServiceError`].
    pub async fn end(mut self) -> Result<Writer, ServiceError> {
        self.writer.send(Message::AudioStop(AudioStop::default())).await?;
        Ok(self.writer)
    }
}

impl TranscriptWords {
    /// The next words. Waits as long as it takes; see [`next_within`](Self::next_within).
    ///
    /// # Errors
    /// [`ServiceError`].
    ///
    /// # Cancel safety
    /// Cancel safe.
    pub async fn next(&mut self) -> Result<Words, ServiceError> {
        loop {
            let message = self.reader.next().await?.ok_or(ServiceError::HungUp)?;
            if let Some(words) = self.take(message)? {
                return Ok(words);
            }
        }
    }

    /// The next words, once all of the sound was sent.
    ///
    /// # Errors
    /// [`ServiceError`].
    pub async fn next_within(&mut self, patience: Duration) -> Result<Words, ServiceError> {
        timeout(patience, self.next()).await.map_err(|_| ServiceError::Silent(patience))?
    }

    fn take(&mut self, message: Message) -> Result<Option<Words>, ServiceError> {
        match message {
            Message::Transcript(transcript) => Ok(Some(Words::Whole(transcript))),
            Message::TranscriptStart(_) => {
                self.pieces.clear();
                Ok(None)
            }
            Message::TranscriptChunk(piece) => {
                self.pieces.push_str(&piece.text);
                Ok(Some(Words::SoFar(self.pieces.clone())))
            }
            Message::Error(fault) => Err(ServiceError::Refused(fault)),
            // The end of the pieces too: the whole transcript comes before or after it.
            _ => Ok(None),
        }
    }
}

impl Speech {
    /// The next piece of sound, or `None` at the end.
    ///
    /// # Errors
    /// [`ServiceError`].
    pub async fn next(&mut self) -> Result<Option<Sound>, ServiceError> {
        loop {
            match next(&mut self.reader, ANSWER_TIMEOUT).await? {
                Message::AudioChunk(chunk) => {
                    return Ok(Some(Sound { format: chunk.format, audio: chunk.audio }));
                }
                Message::AudioStop(_) => return Ok(None),
                _ => {}
            }
        }
    }
}

/// The next message, if it is no error and comes in time.
async fn next(reader: &mut Reader, patience: Duration) -> Result<Message, ServiceError> {
    match timeout(patience, reader.next()).await.map_err(|_| ServiceError::Silent(patience))?? {
        Some(Message::Error(fault)) => Err(ServiceError::Refused(fault)),
        Some(message) => Ok(message),
        None => Err(ServiceError::HungUp),
    }
}
