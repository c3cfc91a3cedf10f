//! A price from its text, never through a float.

use std::fmt;

use pointsman_types::Decimal;

/// The most digits behind the point that a price may have, so that a cost of any usage that is
/// ever seen stays exact.
const MOST_SCALE: u32 = 18;

/// Why a text is no price.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PriceError {
    /// It is no number.
    NotANumber,
    /// It is below zero.
    Negative,
    /// It has more than 18 digits behind the point.
    TooFine,
}

impl fmt::Display for PriceError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotANumber => "a price must be a number of US dollars, such as 2.5e-06",
            Self::Negative => "a price must not be negative",
            Self::TooFine => "a price has at most 18 digits behind the point",
        })
    }
}

impl std::error::Error for PriceError {}

/// Reads a price: `2.5e-06`, `0.0000025`, `0`.
///
/// # Errors
///
/// What is no number, negative, or finer than 18 digits behind the point.
///
/// ```
/// use pointsman_cost::{PriceError, parse_price};
/// assert_eq!(parse_price("2.5e-06"), parse_price("0.0000025"));
/// assert_eq!(parse_price("-1"), Err(PriceError::Negative));
/// assert_eq!(parse_price("free"), Err(PriceError::NotANumber));
/// ```
pub fn parse_price(text: &str) -> Result<Decimal, PriceError> {
    let text = text.trim();
    let exponent = text.contains(['e', 'E']);
    let parsed =
        if exponent { Decimal::from_scientific(text) } else { Decimal::from_str_exact(text) };
    let price = parsed.map_err(|_| PriceError::NotANumber)?;
    if price.is_sign_negative() && !price.is_zero() {
        return Err(PriceError::Negative);
    }
    let price = price.normalize();
    if price.scale() > MOST_SCALE {
        return Err(PriceError::TooFine);
    }
    Ok(price)
}
