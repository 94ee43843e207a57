//! Giving an order to the server that holds the store, or carrying it out on the store itself.

use std::path::Path;
use std::sync::Arc;

use anyhow::Result;
use serde_json::Value;
use sidetalk_core::service::Service;

use super::ConfigArgs;
use crate::config::Config;
use crate::config::sections::Log;
use crate::control;
use crate::orders::{Order, backed_up, carry_out, require_free};
use crate::{telemetry, wiring};

/// Has the order carried out, by a running server if there is one.
pub(super) fn give(args: &ConfigArgs, order: Order) -> Result<Value> {
    let config = args.load()?;
    if control::is_served(&config.store.path)? {
        return control::send(&config.store.path, &order);
    }
    let makes = matches!(order, Order::ProjectCreate { .. });
    if !makes {
        wiring::require_store(&config.store)?;
    }
    if let Order::Backup { target } = &order {
        return copy(&config, target);
    }
    wiring::require_schema(&config.store)?;
    offline(&config, async |service| carry_out(&service, &config.projects, order).await)
}

/// Copies the store as it is: before an upgrade it must stay what the version before can read.
fn copy(config: &Config, target: &Path) -> Result<Value> {
    require_free(target)?;
    telemetry::start_logs(&quiet(config))?;
    wiring::copy_store(&config.store, target)?;
    Ok(backed_up(target))
}

/// Runs something on the store of a server that does not run; a store of an earlier version is migrated.
pub(super) fn offline<T>(config: &Config, work: impl AsyncFnOnce(Arc<Service>) -> Result<T>) -> Result<T> {
    telemetry::start_logs(&quiet(config))?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let held = wiring::open_store(config).await?;
        let service = wiring::offline_service(config, &held);
        let done = work(service).await;
        held.close().await;
        done
    })
}

/// What the store has to say at opening is of interest only if it is bad.
fn quiet(config: &Config) -> Log {
    Log { level: "warn".to_owned(), ..config.log.clone() }
}
