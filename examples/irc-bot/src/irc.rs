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
    wait::{Backoff, Since, now, pause},
};

/// Nothing heard for so long: the server is asked whether it is there, and left when it is not.
const SILENCE_MS: u64 = 90_000;
/// Between two lines that are said, in milliseconds: servers throw out who says too much at once.
const LINE_PAUSE_MS: u64 = 300;
/// Nicks that are tried before the bot leaves and comes again later: a server that cuts them finds
/// each one in use.
const NICKS_MAX_TRIED: usize = 4;
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
pub(crate) async fn stay(settings: &Settings, lines: Receiver<String>, heard: &Sender<Heard>) {
    let mut lines = Lines { queue: lines, unsaid: None };
    let mut backoff = Backoff::default();
    loop {
        let left = match net::open(&settings.irc_host, settings.irc_port, settings.irc_tls).await {
            Ok(stream) => {
                let mut visit = Visit::new(settings, heard, stream);
                let left = visit.run(&mut lines).await.err().unwrap_or_default();
                if let Some(joined) = visit.joined {
                    backoff.reset_after(joined.elapsed());
                }
                left
            }
            Err(error) => error,
        };
        let pause_ms = backoff.next();
        eprintln!("IRC: {left}; trying again in {pause_ms} ms");
        pause(pause_ms).await;
    }
}

/// What is to be said in the channel.
struct Lines {
    queue: Receiver<String>,
    /// Taken from the queue, and not said yet.
    unsaid: Option<String>,
}

impl Lines {
    /// The next line, which stays the next one until [`Lines::is_said`]. Cancel safe.
    async fn next(&mut self) -> Option<String> {
        if self.unsaid.is_none() {
            self.unsaid = self.queue.recv().await;
        }
        self.unsaid.clone()
    }

    fn is_said(&mut self) {
        self.unsaid = None;
    }
}

/// One connection.
struct Visit<'a> {
    settings: &'a Settings,
    heard: &'a Sender<Heard>,
    reader: BufReader<ReadHalf<Box<dyn Stream>>>,
    writer: WriteHalf<Box<dyn Stream>>,
    nick: String,
    nicks_tried: usize,
    /// Since when the bot is in the channel.
    joined: Option<Since>,
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

impl<'a> Visit<'a> {
    fn new(settings: &'a Settings, heard: &'a Sender<Heard>, stream: Box<dyn Stream>) -> Self {
        let (reader, writer) = split(stream);
        let (reader, nick) = (BufReader::new(reader), settings.nick.clone());
        Self { settings, heard, reader, writer, nick, nicks_tried: 1, joined: None }
    }

    /// Stays until the connection ends, which is always an error: the text says why.
    async fn run(&mut self, lines: &mut Lines) -> Result<(), String> {
        self.introduce().await?;
        let mut buffer = Vec::new();
        let mut silent = false;
        loop {
            tokio::select! {
                line = read_line(&mut self.reader, &mut buffer) => {
                    silent = false;
                    self.take(&line?).await?;
                }
                text = lines.next(), if self.joined.is_some() => {
                    let Some(text) = text else { return Err("nothing more to say".into()) };
                    self.send(Command::PRIVMSG(self.settings.channel.clone(), chat::line(&text))).await?;
                    lines.is_said();
                    pause(LINE_PAUSE_MS).await;
                }
                () = pause(SILENCE_MS) => {
                    if silent {
                        return Err("the server does not answer".into());
                    }
                    silent = true;
                    self.send(Command::PING("fanfare".into(), None)).await?;
                }
            }
        }
    }

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
            Command::Response(Response::RPL_WELCOME, words) => {
                // The server's word: it may have cut the nick.
                if let Some(nick) = words.first() {
                    self.nick.clone_from(nick);
                }
                self.send(Command::JOIN(self.settings.channel.clone(), None, None)).await
            }
            Command::Response(Response::ERR_NICKNAMEINUSE, _) if self.joined.is_none() => {
                if self.nicks_tried == NICKS_MAX_TRIED {
                    return Err(format!("no nick is free, {} neither", self.nick));
                }
                self.nicks_tried += 1;
                self.nick.push('_');
                self.send(Command::NICK(self.nick.clone())).await
            }
            Command::Response(response, words)
                if response.is_error() && self.joined.is_none() && refuses(*response) =>
            {
                Err(format!("not let in: {}", words.join(" ")))
            }
            Command::JOIN(channel, ..) if nick == self.nick && self.is_ours(channel) => {
                self.joined = Some(Since::now());
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

#[cfg(test)]
mod tests {
    use std::{
        io,
        pin::Pin,
        task::{Context, Poll},
    };

    use tokio::{
        io::{AsyncRead, AsyncWrite, ReadBuf},
        sync::mpsc,
    };

    use super::*;

    /// A server that lets the bot in; messages to the channel can be lost on their way.
    struct Fake {
        says: &'static [u8],
        heard: mpsc::UnboundedSender<String>,
        broken: bool,
    }

    impl AsyncRead for Fake {
        fn poll_read(
            mut self: Pin<&mut Self>,
            _: &mut Context<'_>,
            buffer: &mut ReadBuf<'_>,
        ) -> Poll<io::Result<()>> {
            if self.says.is_empty() {
                return Poll::Pending;
            }
            buffer.put_slice(std::mem::take(&mut self.says));
            Poll::Ready(Ok(()))
        }
    }

    impl AsyncWrite for Fake {
        fn poll_write(self: Pin<&mut Self>, _: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
            let line = String::from_utf8_lossy(bytes).trim_end().to_owned();
            if line.starts_with("PRIVMSG") {
                if self.broken {
                    return Poll::Ready(Err(io::ErrorKind::BrokenPipe.into()));
                }
                self.heard.send(line).expect("the test goes on");
            }
            Poll::Ready(Ok(bytes.len()))
        }

        fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            Poll::Ready(Ok(()))
        }

        fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            Poll::Ready(Ok(()))
        }
    }

    #[tokio::test]
    async fn a_line_that_could_not_be_sent_is_said_on_the_next_visit() {
        let settings = Settings::from_env(|name| {
            let value = match name {
                "IRC_SERVER" => "irc.test",
                "IRC_CHANNEL" => "#games",
                "FANFARE_ADMIN_KEY" => "key",
                _ => return None,
            };
            Some(value.to_owned())
        });
        let settings = settings.unwrap_or_else(|error| panic!("{error}"));
        let (say, queue) = mpsc::channel(2);
        let (hear, _heard) = mpsc::channel(2);
        let (tell, mut told) = mpsc::unbounded_channel();
        let mut lines = Lines { queue, unsaid: None };
        for text in ["one", "two"] {
            say.send(text.to_owned()).await.expect("there is room");
        }
        for broken in [true, false] {
            let says = b":irc.test 001 fan :Welcome\r\n:fan!bot@test JOIN #games\r\n";
            let stream: Box<dyn Stream> = Box::new(Fake { says, heard: tell.clone(), broken });
            let mut visit = Visit::new(&settings, &hear, stream);
            if broken {
                assert!(visit.run(&mut lines).await.is_err());
                assert!(told.try_recv().is_err());
                continue;
            }
            let heard = async { [told.recv().await, told.recv().await] };
            tokio::select! {
                ended = visit.run(&mut lines) => panic!("{ended:?}"),
                heard = heard => {
                    assert_eq!(heard, ["one", "two"].map(|text| Some(format!("PRIVMSG #games {text}"))));
                }
            }
        }
    }
}
