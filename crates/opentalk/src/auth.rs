//! Who calls: users by tokens of a configured OIDC issuer, guests by an invite code.

use std::sync::Arc;

use http::HeaderMap;
use http::header::AUTHORIZATION;
use jsonwebtoken::{Algorithm, DecodingKey, Validation};
use serde::Deserialize;
use sidetalk_core::model::{GroupName, ProjectId, UserId};
use sidetalk_edge::auth::HEADER_BYTES_MAX;
use uuid::Uuid;

use crate::book::User;

/// A key that signs an issuer's tokens.
#[derive(Clone)]
pub struct IssuerKey {
    /// The tenant that its tokens belong to.
    pub project: ProjectId,
    /// The only algorithm that it is used with.
    pub algorithm: Algorithm,
    /// The key.
    pub key: DecodingKey,
    /// The `aud` that its tokens must carry; `None`: any.
    pub audience: Option<String>,
}

/// Knows the keys of the issuers that a configuration trusts.
pub trait IssuerKeys: Send + Sync + 'static {
    /// The keys that may have signed a token of `issuer` that names `kid`.
    fn candidates(&self, issuer: &str, kid: Option<&str>) -> Vec<IssuerKey>;
}

/// What a request brings.
pub(crate) enum Credentials {
    Nothing,
    Bearer(String),
    Invite(Uuid),
    /// Something that cannot be read.
    Unreadable,
}

pub(crate) fn credentials(headers: &HeaderMap) -> Credentials {
    let mut values = headers.get_all(AUTHORIZATION).iter();
    let Some(value) = values.next() else { return Credentials::Nothing };
    let text = value.to_str().ok().filter(|text| values.next().is_none() && text.len() <= HEADER_BYTES_MAX);
    match text.and_then(|text| text.split_once(' ')) {
        Some((scheme, token)) if scheme.eq_ignore_ascii_case("bearer") => {
            Credentials::Bearer(token.trim().to_owned())
        }
        Some((scheme, code)) if scheme.eq_ignore_ascii_case("invitecode") => {
            Uuid::try_parse(code.trim()).map_or(Credentials::Unreadable, Credentials::Invite)
        }
        _ => Credentials::Unreadable,
    }
}

/// What an issuer's token says of its owner.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Claims {
    pub(crate) sub: String,
    #[serde(default)]
    email: String,
    #[serde(default)]
    given_name: String,
    #[serde(default)]
    family_name: String,
    #[serde(default)]
    name: String,
    #[serde(default)]
    nickname: String,
    #[serde(default)]
    picture: String,
    /// The groups, where the issuer tells them.
    pub(crate) x_grp: Option<Vec<String>>,
}

/// Why a token is not accepted, as the vendor names it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum BadToken {
    Invalid,
    Expired,
}

/// Verifies a token of `issuer` for `project`; `now` in seconds since 1970.
pub(crate) fn verify(
    keys: &Arc<dyn IssuerKeys>,
    issuer: &str,
    project: ProjectId,
    token: &str,
    now: i64,
) -> Result<Claims, BadToken> {
    #[derive(Deserialize)]
    struct Times {
        exp: i64,
        #[serde(default)]
        nbf: Option<i64>,
    }
    const LEEWAY_S: i64 = 60;
    let header = jsonwebtoken::decode_header(token).map_err(|_| BadToken::Invalid)?;
    for candidate in keys.candidates(issuer, header.kid.as_deref()) {
        // The algorithm is a property of the key, never of the token.
        if candidate.project != project || candidate.algorithm != header.alg {
            continue;
        }
        let mut validation = Validation::new(candidate.algorithm);
        validation.set_issuer(&[issuer]);
        // Times are looked at below, by the server's own clock.
        validation.validate_exp = false;
        validation.set_required_spec_claims(&["iss", "exp"]);
        match &candidate.audience {
            Some(audience) => validation.set_audience(&[audience]),
            None => validation.validate_aud = false,
        }
        let Ok(times) = jsonwebtoken::decode::<Times>(token, &candidate.key, &validation) else { continue };
        if times.claims.exp.saturating_add(LEEWAY_S) < now {
            return Err(BadToken::Expired);
        }
        if times.claims.nbf.is_some_and(|nbf| nbf > now + LEEWAY_S) {
            return Err(BadToken::Invalid);
        }
        let claims = jsonwebtoken::decode::<Claims>(token, &candidate.key, &validation);
        return claims.map(|claims| claims.claims).map_err(|_| BadToken::Invalid);
    }
    Err(BadToken::Invalid)
}

impl Claims {
    /// The user that the token tells of. `known`: what earlier tokens told; an access token often tells less than an id token.
    pub(crate) fn user(&self, known: Option<User>) -> User {
        let known = known.unwrap_or_else(|| User {
            subject: self.sub.clone(),
            email: String::new(),
            firstname: String::new(),
            lastname: String::new(),
            display_name: String::new(),
            avatar: String::new(),
            groups: Vec::new(),
        });
        let or = |new: &str, old: String| if new.trim().is_empty() { old } else { new.trim().to_owned() };
        let (first, last) = (or(&self.given_name, known.firstname), or(&self.family_name, known.lastname));
        let full = format!("{first} {last}");
        let names = [self.nickname.trim(), self.name.trim(), &known.display_name, full.trim(), &self.sub];
        let display_name = names.into_iter().find(|name| !name.is_empty()).unwrap_or_default().to_owned();
        User {
            subject: self.sub.clone(),
            email: or(&self.email, known.email),
            firstname: first,
            lastname: last,
            display_name: clipped(&display_name),
            avatar: or(&self.picture, known.avatar),
            groups: self.x_grp.clone().unwrap_or(known.groups),
        }
    }
}

fn clipped(name: &str) -> String {
    let plain: String = name.chars().filter(|char| !char.is_control()).collect();
    plain[..plain.floor_char_boundary(255)].to_owned()
}

impl User {
    pub(crate) fn id(&self) -> Option<UserId> {
        UserId::new(&self.subject).ok()
    }

    pub(crate) fn group_names(&self) -> Vec<GroupName> {
        self.groups.iter().filter_map(|group| GroupName::new(group).ok()).collect()
    }
}
