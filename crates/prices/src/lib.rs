//! The price book: what is known of the vendors' models.
//!
//! A [`Book`] says of a vendor's model what it costs, how long its prompts and answers may be, and
//! what it can do. One is [shipped](Book::shipped); another can be read from a file
//! [in LiteLLM's format](Book::from_litellm_json). What is not known is `None`, never zero.
//!
//! ```
//! use pointsman_cost::{PriceClass, parse_price};
//! use pointsman_prices::Book;
//!
//! let book = Book::shipped();
//! let facts = book.lookup("bedrock", "us.anthropic.claude-sonnet-4-5-20250929-v1:0").unwrap();
//!
//! // What a configuration says of a price stands before the book.
//! let mut own = pointsman_cost::Rates::default();
//! own.set(PriceClass::Input, parse_price("1e-06")?);
//! let price = facts.rates.overridden_by(&own).price().unwrap();
//! assert_eq!(price.estimate(1_000_000, 0), parse_price("1")?);
//! # Ok::<(), pointsman_cost::PriceError>(())
//! ```

mod book;
mod litellm;
mod model;
mod names;
mod off_peak;
mod table;

pub use book::Book;
pub use litellm::{Problem, ReadError};
pub use model::{Capability, Mode, ModelFacts, Supports};
pub use names::inclusive;
