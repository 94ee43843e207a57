//! Bodies over HTTP: requests as a client writes them, answers as it reads them. `None` for a kind that does not exist in
//! that generation.

use serde::de::DeserializeOwned;

type Verdict = Result<(), String>;

macro_rules! bodies {
    ($name:ident, $api:ident, $common:ident, { $($own:literal => $type:ty,)* }) => {
        pub(crate) fn $name(kind: &str, document: &str) -> Option<Verdict> {
            use $api::auth::login::AuthLoginPostRequestBody;
            use $api::auth::{GetLoginResponseBody, PostLoginResponseBody};
            use $api::error::ErrorBody;
            use $api::rooms::by_room_id::invites::{
                GetRoomsInvitesResponseBody, InviteResource, PostInviteRequestBody, PostInviteVerifyRequestBody,
                PostInviteVerifyResponseBody,
            };
            use $api::rooms::by_room_id::{
                GetRoomEventResponseBody, PatchRoomsRequestBody, PostRoomsStartRequestBody, RoomsStartResponseBody,
            };
            use $api::rooms::{GetRoomsResponseBody, PostRoomsRequestBody, RoomResource};
            use $api::users::PrivateUserProfile;
            use $api::users::me::PatchMeRequestBody;
            use $common::tariffs::TariffResource;

            Some(match kind {
                "start_request" => read::<PostRoomsStartRequestBody>(document),
                "start" => read::<RoomsStartResponseBody>(document),
                "verify_request" => read::<PostInviteVerifyRequestBody>(document),
                "verify" => read::<PostInviteVerifyResponseBody>(document),
                "event" => read::<GetRoomEventResponseBody>(document),
                "room_request" => read::<PostRoomsRequestBody>(document),
                "room_change" => read::<PatchRoomsRequestBody>(document),
                "room" => read::<RoomResource>(document),
                "rooms" => read::<GetRoomsResponseBody>(document),
                "invite_request" => read::<PostInviteRequestBody>(document),
                "invite" => read::<InviteResource>(document),
                "invites" => read::<GetRoomsInvitesResponseBody>(document),
                "tariff" => read::<TariffResource>(document),
                "login" => read::<GetLoginResponseBody>(document),
                "login_request" => read::<AuthLoginPostRequestBody>(document),
                "login_done" => read::<PostLoginResponseBody>(document),
                "me" => read::<PrivateUserProfile>(document),
                "me_change" => read::<PatchMeRequestBody>(document),
                "error" => read::<ErrorBody>(document),
                $($own => read::<$type>(document),)*
                _ => return None,
            })
        }
    };
}

bodies!(seed, seed_api, seed_common, {
    "start_invited_request" => seed_api::rooms::by_room_id::PostRoomsStartInvitedRequestBody,
});
bodies!(new, new_api, new_common, {});

fn read<T: DeserializeOwned>(document: &str) -> Verdict {
    serde_json::from_str::<T>(document).map(drop).map_err(|error| error.to_string())
}
