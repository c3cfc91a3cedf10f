//! Dollars as whole pico-dollars.

use pointsman_types::Decimal;

/// Digits behind the point.
const SCALE: u32 = 12;
const PICO: u64 = 1_000_000_000_000;

/// Pico-dollars, rounded up; at most what 64 bits hold, 18 million dollars.
pub(crate) fn pico_up(dollars: Decimal) -> u64 {
    whole(dollars.checked_mul(Decimal::from(PICO)).map(|pico| pico.ceil()))
}

/// Pico-dollars, rounded down.
pub(crate) fn pico_down(dollars: Decimal) -> u64 {
    whole(dollars.checked_mul(Decimal::from(PICO)).map(|pico| pico.floor()))
}

fn whole(pico: Option<Decimal>) -> u64 {
    let Some(pico) = pico else { return u64::MAX };
    if pico < Decimal::ZERO { 0 } else { u64::try_from(pico).unwrap_or(u64::MAX) }
}

/// So many pico-dollars.
pub(crate) fn dollars(pico: u64) -> Decimal {
    Decimal::from_i128_with_scale(i128::from(pico), SCALE).normalize()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rounds_once_and_against_the_caller() {
        let usd = |text: &str| text.parse::<Decimal>().unwrap();
        assert_eq!(pico_up(usd("0.0000000000001")), 1);
        assert_eq!(pico_down(usd("0.0000000000019")), 1);
        assert_eq!(pico_up(usd("12.5")), 12_500_000_000_000);
        assert_eq!((pico_up(usd("-1")), pico_up(Decimal::MAX)), (0, u64::MAX));
        assert_eq!(dollars(12_500_000_000_000), usd("12.5"));
    }
}
