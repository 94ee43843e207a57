//! The one table of socket methods. It makes the type that [`from_wire`](crate::from_wire) must match exhaustively, the
//! names that are dispatched, and what `/asyncapi.json` and `/docs` say: they cannot drift apart.

use serde_json::value::RawValue;
use utoipa::openapi::{RefOr, Schema};
use utoipa::{PartialSchema, ToSchema};

use crate::errors::Problem;
use crate::wire::answer::{
    Changed, Connected, Done, JoinResult, Members, OneMessage, OneRoom, Page, Pong, Posted, Receipt,
    Refreshed, Rooms, Signalled, Unreads,
};
use crate::wire::json::{At, Fields as _, InRoom, Nothing, OnMessage, OnUser, read_object};
use crate::wire::notice::{
    BareNotice, DrainingNotice, EditedNotice, ExpiringNotice, GroupsNotice, JoinedNotice, LeftNotice,
    MemberNotice, PostedNotice, PrivateChatNotice, ReactedNotice, ReceiptNotice, RemovedNotice,
    RetentionNotice, RoleNotice, SanctionedNotice, SignalNotice, SlowModeNotice, TitleNotice, TouchedNotice,
    TypingNotice,
};
use crate::wire::request::{
    Clear, Connect, Edit, History, Join, Lasting, List, Post, React, ReceiptIn, Refresh, Search, SetGroups,
    SetRole, SignalIn, TypingIn, UpdateRoom,
};

/// One method, for dispatch and documents.
#[derive(Clone, Copy, Debug)]
pub struct Method {
    /// Its name.
    pub name: &'static str,
    /// What it does, in one line.
    pub summary: &'static str,
    /// The fields that say where it goes.
    pub target: &'static [&'static str],
    /// The rest of its parameters.
    pub params: fn() -> SchemaWithParts,
    /// Its result.
    pub result: fn() -> SchemaWithParts,
}

/// A schema and those that it refers to.
pub struct SchemaWithParts {
    /// The schema's name.
    pub name: String,
    /// The schema.
    pub schema: RefOr<Schema>,
    /// Others, by name.
    pub parts: Vec<(String, RefOr<Schema>)>,
}

/// The schema of a shape.
pub fn schema_of<T: ToSchema + PartialSchema>() -> SchemaWithParts {
    let mut parts = Vec::new();
    T::schemas(&mut parts);
    SchemaWithParts { name: T::name().into_owned(), schema: T::schema(), parts }
}

macro_rules! methods {
    ($($variant:ident $name:literal ($($params:tt)*) -> $result:ident, $summary:literal;)*) => {
        /// The parameters of each method.
        #[derive(Debug)]
        pub enum Params<'a> {
            $(#[doc = concat!("`", $name, "`: ", $summary)] $variant(methods!(@type 'a $($params)*)),)*
        }

        /// Reads the parameters of the method of that name.
        ///
        /// # Errors
        /// [`Problem::UnknownMethod`], or what is wrong with the parameters.
        pub fn read<'a>(method: &str, params: Option<&'a RawValue>) -> Result<Params<'a>, Problem> {
            let text = params.map_or("{}", RawValue::get);
            match method {
                $($name => read_object(text).map(Params::$variant).map_err(|error| bad_params(&error)),)*
                _ => Err(Problem::UnknownMethod(format!("there is no method {method:.64}"))),
            }
        }

        /// Every method.
        pub static METHODS: &[Method] = &[$(Method {
            name: $name,
            summary: $summary,
            target: methods!(@fields $($params)*),
            params: methods!(@schema $($params)*),
            result: schema_of::<$result>,
        }),*];
    };
    (@type $life:lifetime ref $body:ident) => { $body<$life> };
    (@type $life:lifetime $body:ident) => { $body };
    (@type $life:lifetime ref $body:ident at $target:ident) => { At<$target<$life>, $body<$life>> };
    (@type $life:lifetime $body:ident at $target:ident) => { At<$target<$life>, $body> };
    (@fields ref $body:ident) => { &[] };
    (@fields $body:ident) => { &[] };
    (@fields ref $body:ident at $target:ident) => { $target::FIELDS };
    (@fields $body:ident at $target:ident) => { $target::FIELDS };
    (@schema ref $body:ident $(at $target:ident)?) => { schema_of::<$body> };
    (@schema $body:ident $(at $target:ident)?) => { schema_of::<$body> };
}

methods! {
    Connect "connect" (ref Connect) -> Connected, "Says who is there: the first request of a socket.";
    Refresh "token.refresh" (ref Refresh) -> Refreshed, "Brings a fresh token of the same user.";
    Ping "ping" (Nothing) -> Pong, "Asks for the server's time.";
    Join "room.join" (ref Join at InRoom) -> JoinResult, "Comes into a room, with what was missed or the newest messages.";
    Leave "room.leave" (Nothing at InRoom) -> Done, "Leaves a room.";
    Get "room.get" (Nothing at InRoom) -> OneRoom, "Reads what is set about a room.";
    List "room.list" (ref List) -> Rooms, "Lists the direct and group rooms that the user is in or invited to.";
    Update "room.update" (ref UpdateRoom at InRoom) -> OneRoom, "Changes what is set about a room, field by field.";
    History "room.history" (ref History at InRoom) -> Page, "Reads a page of messages, ascending.";
    Search "room.search" (ref Search at InRoom) -> Page, "Looks for messages, newest first.";
    Unread "room.unread" (Nothing at InRoom) -> Unreads, "Reads the read markers and how much follows them.";
    Post "message.post" (ref Post at InRoom) -> Posted, "Posts a message.";
    Message "message.get" (Nothing at OnMessage) -> OneMessage, "Reads one message.";
    Edit "message.edit" (ref Edit at OnMessage) -> Changed, "Replaces what one's own message says.";
    Delete "message.delete" (Nothing at OnMessage) -> Changed, "Deletes a message; a tombstone stays.";
    Pin "message.pin" (Nothing at OnMessage) -> Changed, "Pins a message.";
    Unpin "message.unpin" (Nothing at OnMessage) -> Changed, "Takes a pin away.";
    React "reaction.add" (ref React at OnMessage) -> Changed, "Adds a reaction.";
    Unreact "reaction.remove" (ref React at OnMessage) -> Changed, "Takes one's own reaction away.";
    Signal "signal.send" (ref SignalIn at InRoom) -> Signalled, "Sends a signal to who is there; not stored unless its type is chat.";
    Typing "typing.set" (ref TypingIn at InRoom) -> Done, "Says that the user writes, or has stopped.";
    Receipt "receipt.set" (ref ReceiptIn at InRoom) -> Receipt, "Moves the user's read marker forward.";
    EnableChat "chat.enable" (Nothing at InRoom) -> Changed, "Switches the chat on.";
    DisableChat "chat.disable" (Nothing at InRoom) -> Changed, "Switches the chat off.";
    Clear "history.clear" (ref Clear at InRoom) -> Changed, "Removes all messages of an audience.";
    Members "member.list" (ref List at InRoom) -> Members, "Lists the users of whom something is recorded.";
    Mute "member.mute" (Lasting at OnUser) -> Changed, "Forbids a user to post.";
    Unmute "member.unmute" (Nothing at OnUser) -> Changed, "Lifts a mute.";
    Kick "member.kick" (Nothing at OnUser) -> Changed, "Puts a user out; the user may come back.";
    Ban "member.ban" (Lasting at OnUser) -> Changed, "Puts a user out and keeps the user out.";
    Unban "member.unban" (Nothing at OnUser) -> Changed, "Lifts a ban.";
    Invite "member.invite" (Nothing at OnUser) -> Changed, "Invites a user into a group room.";
    Add "member.add" (Nothing at OnUser) -> Changed, "Makes a user a member of a group room at once.";
    SetRole "member.set_role" (ref SetRole at OnUser) -> Changed, "Gives a user a role in this room.";
    SetGroups "member.set_groups" (ref SetGroups at OnUser) -> Changed, "Gives a user groups in this room.";
    Accept "membership.accept" (Nothing at InRoom) -> Changed, "Accepts an invitation.";
    GiveUp "membership.leave" (Nothing at InRoom) -> Changed, "Gives a membership up, or declines an invitation.";
}

/// What serde says of bad parameters, without the place, which is relative to the parameters and would mislead.
pub(crate) fn bad_params(error: &serde_json::Error) -> Problem {
    let text = error.to_string();
    let problem = text.rsplit_once(" at line ").map_or(text.as_str(), |(problem, _)| problem);
    Problem::invalid("params", format!("are not valid: {problem:.300}"))
}

/// One notification, for documents.
#[derive(Clone, Copy, Debug)]
pub struct Notice {
    /// Its name.
    pub name: &'static str,
    /// What it tells, in one line.
    pub summary: &'static str,
    /// Whether it is of the log, and so has a position beside its own fields.
    pub is_logged: bool,
    /// Its own fields.
    pub params: fn() -> SchemaWithParts,
}

macro_rules! notices {
    ($($name:literal $kind:ident $params:ident, $summary:literal;)*) => {
        /// Every notification.
        pub static NOTICES: &[Notice] = &[$(Notice {
            name: $name,
            summary: $summary,
            is_logged: notices!(@ $kind),
            params: schema_of::<$params>,
        }),*];
    };
    (@ log) => { true };
    (@ now) => { false };
}

notices! {
    "message.posted" log PostedNotice, "A message was posted.";
    "message.edited" log EditedNotice, "What a message says was replaced.";
    "message.deleted" log TouchedNotice, "A message was deleted; a tombstone stays.";
    "message.pinned" log TouchedNotice, "A message was pinned.";
    "message.unpinned" log TouchedNotice, "A pin was taken away.";
    "reaction.added" log ReactedNotice, "Somebody reacted to a message.";
    "reaction.removed" log ReactedNotice, "Somebody took a reaction back.";
    "chat.enabled" log BareNotice, "Chat was switched on.";
    "chat.disabled" log BareNotice, "Chat was switched off.";
    "history.cleared" log BareNotice, "All messages of the audience are gone.";
    "room.slow_mode_set" log SlowModeNotice, "Slow mode changed.";
    "room.private_chat_set" log PrivateChatNotice, "Who may speak privately changed.";
    "room.title_set" log TitleNotice, "The title changed.";
    "room.retention_set" log RetentionNotice, "How long messages are kept changed.";
    "member.muted" log SanctionedNotice, "A user was muted.";
    "member.banned" log SanctionedNotice, "A user was put out and is kept out.";
    "member.unmuted" log MemberNotice, "A mute was lifted.";
    "member.unbanned" log MemberNotice, "A ban was lifted.";
    "member.kicked" log MemberNotice, "A user was put out.";
    "member.invited" log MemberNotice, "A user was invited.";
    "member.joined" log MemberNotice, "A user became a member.";
    "member.left" log MemberNotice, "A user gave the membership up.";
    "member.role_set" log RoleNotice, "A user's role in this room was set.";
    "member.groups_set" log GroupsNotice, "A user's groups in this room were set.";
    "signal" now SignalNotice, "A signal.";
    "typing" now TypingNotice, "Somebody writes, or has stopped.";
    "presence.joined" now JoinedNotice, "A connection came.";
    "presence.left" now LeftNotice, "A connection went.";
    "receipt.set" now ReceiptNotice, "Another connection of yours has read.";
    "room.removed" now RemovedNotice, "You are out of this room.";
    "connected" now Connected, "The result of connect, if the token came with the request for the socket.";
    "token.expiring" now ExpiringNotice, "Your token ends in a minute.";
    "server.draining" now DrainingNotice, "This node stops soon.";
}
