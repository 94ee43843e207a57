//! Tokens of people, in the three forms that the vendor's server clients make: `T1==`, a JWT signed with the project's
//! secret, a JWT signed by an application's key. They are made without calling us and looked at when somebody connects, only
//! then: whoever is connected stays when the token ends.

use std::time::Duration;

use base64::Engine as _;
use base64::alphabet::STANDARD;
use base64::engine::DecodePaddingMode;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig};
use serde_json::Number;
use sidetalk_core::model::Timestamp;
use sidetalk_core::refusal::Failure;
use thiserror::Error;

use crate::auth::issuer;
use crate::ids::ProjectName;
use crate::jwt::{BYTES_MAX, Jwt};
use crate::signer::{Signer, signer};
use crate::state::OpenTokState;
use crate::wire::{CONNECT_SCOPE, Claims, Role, T1_PARTNER, T1_PREFIX, T1_SIGNATURE, T1Payload};

/// How long a token holds that does not say.
const LIFE: Duration = Duration::from_secs(24 * 60 * 60);

/// The longest life of a token.
const LIFE_MAX: Duration = Duration::from_secs(30 * 24 * 60 * 60);

/// How far the clocks of servers may differ from ours.
const SKEW: Duration = Duration::from_secs(60);

/// The longest text about a person; the vendor's own limit is 1,000 characters.
const DATA_BYTES_MAX: usize = 4 * 1024;

/// 9999-12-31: the last year that an RFC 3339 time can say.
const SECONDS_MAX: f64 = 253_402_300_799.0;

const BASE64: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// What a good token says.
pub(crate) struct Verified {
    pub(crate) signer: Signer,
    pub(crate) name: ProjectName,
    pub(crate) session: String,
    pub(crate) role: Role,
    pub(crate) data: String,
}

/// Why a token does not let in. The sentence tells whoever makes tokens what to mend.
#[derive(Debug, Error)]
pub(crate) enum BadToken {
    #[error("the token is neither T1== nor a JSON Web Token of at most {BYTES_MAX} bytes")]
    Shape,
    #[error("the token's fields cannot be read")]
    Fields,
    #[error("there is no project with the key that the token names")]
    Issuer,
    #[error("the token is not signed with the secret or key of its project")]
    Signature,
    #[error("the token has expired")]
    Expired,
    #[error("the token says neither when it ends nor when it was made")]
    Endless,
    #[error("the token is from the future: compare the clocks")]
    NotYet,
    #[error("the token names no session")]
    NoSession,
    #[error("the token's scope is not {CONNECT_SCOPE}")]
    Scope,
    #[error("the token's role is none of subscriber, publisher, publisheronly and moderator")]
    Role,
    #[error("the token's connection data is longer than {DATA_BYTES_MAX} bytes")]
    Data,
    #[error(transparent)]
    Failed(#[from] Failure),
}

impl BadToken {
    /// Whether somebody tries keys.
    pub(crate) fn is_forged(&self) -> bool {
        matches!(self, Self::Shape | Self::Issuer | Self::Signature)
    }
}

/// Verifies a token.
pub(crate) async fn verify(state: &OpenTokState, token: &str) -> Result<Verified, BadToken> {
    let Unverified { name, proof, fields } = Unverified::read(token)?;
    let now = state.service.now();
    let signer = signer(state, name).await?.ok_or(BadToken::Issuer)?;
    let is_good = match &proof {
        Proof::Signature(jwt) => signer.has_signed(jwt, now),
        Proof::Mac { payload, mac } => signer.has_authenticated(payload, mac, now),
    };
    if !is_good {
        return Err(BadToken::Signature);
    }
    fields.check_times(now)?;
    if fields.scope.is_some_and(|scope| !scope.split_ascii_whitespace().any(|word| word == CONNECT_SCOPE)) {
        return Err(BadToken::Scope);
    }
    let role = fields.role.map_or(Some(Role::default()), |role| Role::read(&role)).ok_or(BadToken::Role)?;
    let data = fields.data.unwrap_or_default();
    if data.len() > DATA_BYTES_MAX {
        return Err(BadToken::Data);
    }
    let session = fields.session.ok_or(BadToken::NoSession)?;
    Ok(Verified { signer, name, session, role, data })
}

/// A token that nobody has vouched for yet.
struct Unverified<'a> {
    name: ProjectName,
    proof: Proof<'a>,
    fields: Fields,
}

/// What its maker has added to it.
enum Proof<'a> {
    Signature(Jwt<'a>),
    /// Of the payload, exactly as it stands.
    Mac {
        payload: Vec<u8>,
        mac: String,
    },
}

impl<'a> Unverified<'a> {
    fn read(token: &'a str) -> Result<Self, BadToken> {
        if token.len() > BYTES_MAX {
            return Err(BadToken::Shape);
        }
        match token.strip_prefix(T1_PREFIX) {
            Some(encoded) => Self::read_t1(encoded),
            None => Self::read_jwt(token),
        }
    }

    fn read_jwt(token: &'a str) -> Result<Self, BadToken> {
        let jwt = Jwt::read(token).ok_or(BadToken::Shape)?;
        let mut claims: Claims = jwt.claims().ok_or(BadToken::Fields)?;
        let fields = Fields {
            session: claims.session_id.take(),
            role: claims.role.take(),
            scope: claims.scope.take(),
            data: claims.connection_data.take(),
            made_at: time(claims.iat.take().or(claims.create_time.take()))?,
            begins_at: time(claims.nbf.take())?,
            ends_at: time(claims.exp.take().or(claims.expire_time.take()))?,
        };
        let name = issuer(claims).ok_or(BadToken::Issuer)?;
        Ok(Self { name, proof: Proof::Signature(jwt), fields })
    }

    /// `partner_id=…&sig=…` and, behind the first colon, the text that is signed.
    fn read_t1(encoded: &str) -> Result<Self, BadToken> {
        let mut head = BASE64.decode(encoded).map_err(|_| BadToken::Shape)?;
        let colon = head.iter().position(|byte| *byte == b':').ok_or(BadToken::Shape)?;
        let payload = head.split_off(colon + 1);
        head.truncate(colon);
        let field = |name: &str| {
            let mut fields = form_urlencoded::parse(&head);
            fields.find(|(key, _)| key == name).map(|(_, value)| value.into_owned())
        };
        let name = field(T1_PARTNER).as_deref().and_then(ProjectName::read).ok_or(BadToken::Issuer)?;
        let mac = field(T1_SIGNATURE).ok_or(BadToken::Shape)?;
        let fields = Fields::of_t1(&payload)?;
        Ok(Self { name, proof: Proof::Mac { payload, mac }, fields })
    }
}

/// What all forms say, under whatever names.
#[derive(Debug)]
struct Fields {
    session: Option<String>,
    role: Option<String>,
    scope: Option<String>,
    data: Option<String>,
    made_at: Option<Timestamp>,
    begins_at: Option<Timestamp>,
    ends_at: Option<Timestamp>,
}

impl Fields {
    fn of_t1(payload: &[u8]) -> Result<Self, BadToken> {
        let mut said = T1Payload::default();
        for (key, value) in form_urlencoded::parse(payload) {
            // What is said twice could be read in two ways.
            if said.field(&key).is_some_and(|field| field.replace(value.into_owned()).is_some()) {
                return Err(BadToken::Fields);
            }
        }
        let time = |text: Option<String>| match text.as_deref() {
            None | Some("") => Ok(None),
            Some(text) => {
                moment(text.parse().map_err(|_| BadToken::Fields)?).map(Some).ok_or(BadToken::Fields)
            }
        };
        Ok(Self {
            session: said.session_id,
            role: said.role,
            scope: said.scope,
            data: said.connection_data,
            made_at: time(said.create_time)?,
            begins_at: None,
            ends_at: time(said.expire_time)?,
        })
    }

    fn check_times(&self, now: Timestamp) -> Result<(), BadToken> {
        let last = self.made_at.map(|made_at| made_at.plus(LIFE_MAX));
        let ends_at = match (self.ends_at, self.made_at) {
            (Some(ends_at), _) => ends_at,
            (None, Some(made_at)) => made_at.plus(LIFE),
            (None, None) => return Err(BadToken::Endless),
        };
        if now >= last.map_or(ends_at, |last| ends_at.min(last)).plus(SKEW) {
            return Err(BadToken::Expired);
        }
        let begins_at = [self.made_at, self.begins_at].into_iter().flatten().max();
        if begins_at.is_some_and(|begins_at| begins_at > now.plus(SKEW)) {
            return Err(BadToken::NotYet);
        }
        Ok(())
    }
}

fn time(number: Option<Number>) -> Result<Option<Timestamp>, BadToken> {
    number.map(|number| seconds(&number).ok_or(BadToken::Fields)).transpose()
}

/// Seconds since 1970, a fraction of one allowed.
pub(crate) fn seconds(number: &Number) -> Option<Timestamp> {
    moment(number.as_f64()?)
}

#[expect(clippy::cast_possible_truncation, reason = "the range is checked")]
fn moment(seconds: f64) -> Option<Timestamp> {
    let fits = (0.0..=SECONDS_MAX).contains(&seconds);
    fits.then(|| Timestamp::from_micros((seconds * 1_000_000.0) as i64))
}

/// What a text says as a token, for the fuzzer.
pub fn understood(token: &str) -> String {
    match Unverified::read(token) {
        Ok(Unverified { name, fields, .. }) => format!("{name} {fields:?}"),
        Err(bad) => bad.to_string(),
    }
}
