//! Giving an order to the server that holds the store, or carrying it out on the store itself.

use std::sync::Arc;

use anyhow::Result;
use serde_json::Value;
use sidetalk_core::service::Service;

use super::ConfigArgs;
use crate::config::Config;
use crate::config::sections::Log;
use crate::control;
use crate::orders::{Order, carry_out};
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
    wiring::require_schema(&config.store)?;
    offline(&config, async |service| carry_out(&service, &config.projects, order).await)
}

/// Runs something on the store of a server that does not run; a store of an earlier version is migrated.
pub(super) fn offline<T>(config: &Config, work: impl AsyncFnOnce(Arc<Service>) -> Result<T>) -> Result<T> {
    // What the store has to say at opening is of interest only if it is bad.
    telemetry::start_logs(&Log { level: "warn".to_owned(), ..config.log.clone() })?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let held = wiring::open_store(config).await?;
        let service = wiring::offline_service(config, &held);
        let done = work(service).await;
        held.close().await;
        done
    })
}
