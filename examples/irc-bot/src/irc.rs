//! The channel: joins it, hears what is written, says what the bot has to say, and comes back when
//! the connection is lost.

use irc_proto::{CapSubCommand, Command, Message, Response};
use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader, ReadHalf, WriteHalf, split},
    sync::mpsc::{Receiver, Sender},
};

use crate::{
    chat::{self, Wish},
    net::{self, Stream},
    settings::Settings,
    wait::{Backoff, now, pause},
};

/// Nothing heard for so long: the server is asked whether it is there, and left when it is not.
const SILENCE_MS: u64 = 90_000;
/// Between two lines that are said, in milliseconds: servers throw out who says too much at once.
const LINE_PAUSE_MS: u64 = 300;
/// The longest line that is read, in bytes: 512, and 8,191 of tags.
const LINE_MAX_BYTES: usize = 8_703;

/// Something that was said to the bot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Heard {
    pub(crate) username: String,
    pub(crate) wish: Wish,
    /// When it was said, ISO 8601: by the server's clock where it tells.
    pub(crate) at: String,
}

/// Stays in the channel.
pub(crate) async fn stay(settings: &Settings, mut lines: Receiver<String>, heard: &Sender<Heard>) {
    let mut backoff = Backoff::default();
    loop {
        let left = visit(settings, &mut lines, heard, &mut backoff).await;
        eprintln!("IRC: {left}");
        backoff.pause().await;
    }
}

struct Visit<'a> {
    settings: &'a Settings,
    heard: &'a Sender<Heard>,
    writer: WriteHalf<Box<dyn Stream>>,
    nick: String,
    joined: bool,
}

/// One connection; returns why it ended.
async fn visit(
    settings: &Settings,
    lines: &mut Receiver<String>,
    heard: &Sender<Heard>,
    backoff: &mut Backoff,
) -> String {
    let stream = match net::open(&settings.irc_host, settings.irc_port, settings.irc_tls).await {
        Ok(stream) => stream,
        Err(error) => return error,
    };
    let (reader, writer) = split(stream);
    let mut visit = Visit { settings, heard, writer, nick: settings.nick.clone(), joined: false };
    let mut reader = BufReader::new(reader);
    let ended = async {
        visit.introduce().await?;
        let mut buffer = Vec::new();
        let mut silent = false;
        loop {
            tokio::select! {
                line = read_line(&mut reader, &mut buffer) => {
                    silent = false;
                    visit.take(&line?).await?;
                    if visit.joined {
                        backoff.reset();
                    }
                }
                text = lines.recv(), if visit.joined => {
                    let Some(text) = text else { return Err("nothing more to say".into()) };
                    visit.send(Command::PRIVMSG(settings.channel.clone(), chat::line(&text))).await?;
                    pause(LINE_PAUSE_MS).await;
                }
                () = pause(SILENCE_MS) => {
                    if silent {
                        return Err("the server does not answer".into());
                    }
                    silent = true;
                    visit.send(Command::PING("fanfare".into(), None)).await?;
                }
            }
        }
    };
    let ended: Result<(), String> = ended.await;
    ended.err().unwrap_or_default()
}

/// The next line; what is read of one when the future is dropped stays in `buffer`.
async fn read_line(
    reader: &mut BufReader<ReadHalf<Box<dyn Stream>>>,
    buffer: &mut Vec<u8>,
) -> Result<String, String> {
    loop {
        let bytes = reader.fill_buf().await.map_err(|error| error.to_string())?;
        if bytes.is_empty() {
            return Err("the server has hung up".into());
        }
        let end = bytes.iter().position(|byte| *byte == b'\n');
        let taken = end.map_or(bytes.len(), |end| end + 1);
        buffer.extend_from_slice(&bytes[..taken]);
        reader.consume(taken);
        if buffer.len() > LINE_MAX_BYTES {
            return Err("the server says too long a line".into());
        }
        if end.is_some() {
            let line = String::from_utf8_lossy(buffer).trim_end().to_owned();
            buffer.clear();
            return Ok(line);
        }
    }
}

impl Visit<'_> {
    async fn send(&mut self, command: Command) -> Result<(), String> {
        let line = Message::from(command).to_string();
        self.writer.write_all(line.as_bytes()).await.map_err(|error| error.to_string())?;
        self.writer.flush().await.map_err(|error| error.to_string())
    }

    /// Asks for the time of each message as well; who does not know that lets it pass.
    async fn introduce(&mut self) -> Result<(), String> {
        let (settings, nick) = (self.settings, self.nick.clone());
        if let Some(password) = &settings.irc_password {
            self.send(Command::PASS(password.clone())).await?;
        }
        self.send(Command::CAP(None, CapSubCommand::REQ, None, Some("server-time".into()))).await?;
        self.send(Command::NICK(nick.clone())).await?;
        self.send(Command::USER(nick.clone(), "0".into(), nick)).await?;
        self.send(Command::CAP(None, CapSubCommand::END, None, None)).await
    }

    async fn take(&mut self, line: &str) -> Result<(), String> {
        // What is no message of IRC is none for the bot.
        let Ok(message) = line.parse::<Message>() else { return Ok(()) };
        let nick = message.source_nickname().unwrap_or_default().to_owned();
        match &message.command {
            Command::PING(token, _) => self.send(Command::PONG(token.clone(), None)).await,
            Command::Response(Response::RPL_WELCOME, _) => {
                self.send(Command::JOIN(self.settings.channel.clone(), None, None)).await
            }
            Command::Response(Response::ERR_NICKNAMEINUSE, _) => {
                self.nick.push('_');
                self.send(Command::NICK(self.nick.clone())).await
            }
            Command::Response(response, words)
                if response.is_error() && !self.joined && refuses(*response) =>
            {
                Err(format!("not let in: {}", words.join(" ")))
            }
            Command::JOIN(channel, ..) if nick == self.nick && self.is_ours(channel) => {
                self.joined = true;
                eprintln!("IRC: joined {channel}");
                Ok(())
            }
            Command::KICK(channel, who, _) if *who == self.nick && self.is_ours(channel) => {
                Err("kicked out".into())
            }
            Command::PRIVMSG(target, text) if self.is_ours(target) => {
                self.hear(&message, nick, text);
                Ok(())
            }
            Command::ERROR(why) => Err(why.clone()),
            _ => Ok(()),
        }
    }

    fn is_ours(&self, channel: &str) -> bool {
        channel.eq_ignore_ascii_case(&self.settings.channel)
    }

    fn hear(&self, message: &Message, username: String, text: &str) {
        let Some(wish) = chat::wish(text) else { return };
        let tags = message.tags.iter().flatten();
        let told = tags.filter(|tag| tag.0 == "time").find_map(|tag| tag.1.clone());
        let heard = Heard { username, wish, at: told.unwrap_or_else(now) };
        if let Err(error) = self.heard.try_send(heard) {
            eprintln!("IRC: lost, too much is waiting: {:?}", error.into_inner());
        }
    }
}

/// Whether this answer means that the bot cannot stay; an unknown command, for one, does not.
fn refuses(response: Response) -> bool {
    matches!(
        response,
        Response::ERR_NOSUCHCHANNEL
            | Response::ERR_TOOMANYCHANNELS
            | Response::ERR_ERRONEOUSNICKNAME
            | Response::ERR_PASSWDMISMATCH
            | Response::ERR_YOUREBANNEDCREEP
            | Response::ERR_CHANNELISFULL
            | Response::ERR_INVITEONLYCHAN
            | Response::ERR_BANNEDFROMCHAN
            | Response::ERR_BADCHANNELKEY
    )
}
