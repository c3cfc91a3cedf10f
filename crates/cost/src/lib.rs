//! What a call costs, in exact decimals, and what may still be spent.
//!
//! [`Rates`] are what is known of a model's prices; a [`Price`] is rates of which enough is known
//! to bill a call. Unknown is not zero, so who may not know holds an `Option<Price>`. A [`Budget`]
//! is money that calls reserve before they are sent and settle when they are done.
//!
//! ```
//! use pointsman_cost::{
//!     Budget, BudgetLimit, Price, Terms,
//!     clock::Instant,
//!     parse_price,
//!     types::{Decimal, Usage},
//! };
//!
//! let price = Price::new(parse_price("2.5e-06")?, parse_price("0.00001")?);
//! let limit = BudgetLimit { max: Decimal::TEN, window: Some("1d".parse()?) };
//! let (mut budget, now) = (Budget::default(), Instant::from_secs(1_767_225_600));
//!
//! let hold = budget.reserve(&limit, price.estimate(1_000, 800), now).unwrap();
//! let cost = price.of(&Usage::text(1_000, 500), &Terms::default());
//! budget.settle(&limit, hold, cost, now);
//! assert_eq!(budget.spent(&limit, now), parse_price("0.0075")?);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod budget;
mod calendar;
mod class;
mod off_peak;
mod parse;
mod price;
mod rates;

/// Time and chance, as this crate is handed them.
pub use pointsman_clock as clock;
/// The words that all crates share.
pub use pointsman_types as types;

pub use budget::{Budget, BudgetCause, BudgetHold, BudgetLimit, BudgetRefusal, BudgetSnapshot};
pub use calendar::{BudgetWindow, WindowError};
pub use class::{PriceClass, PriceKey};
pub use off_peak::{Hours, OffPeak};
pub use parse::{PriceError, parse_price};
pub use pointsman_types::ServiceTier;
pub use price::{Price, SearchContext, Terms};
pub use rates::Rates;
