//! A pace against a bucket that is counted in whole, slowly.

use std::{num::NonZeroU32, time::Duration};

use pointsman_clock::Instant;
use pointsman_limits::Pace;
use proptest::{collection::vec, prelude::*};

const MINUTE: Duration = Duration::from_mins(1);
const NANO: Duration = Duration::from_nanos(1);

fn rate() -> impl Strategy<Value = u32> {
    prop_oneof![2 => Just(1), 6 => 1_u32..200, 1 => Just(u32::MAX)]
}

fn wait() -> impl Strategy<Value = Duration> {
    prop_oneof![
        3 => Just(Duration::ZERO),
        4 => (0_u64..3_000).prop_map(Duration::from_millis),
        2 => (0_u64..70_000_000_000).prop_map(Duration::from_nanos),
        1 => Just(Duration::from_hours(30)),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_024))]

    #[test]
    fn keeps_the_rate_and_knows_the_moment(
        per_minute in rate(), burst in rate(), waits in vec(wait(), 1..200), start in 1_u64..100,
    ) {
        let new = |n| NonZeroU32::new(n).unwrap();
        let mut pace = Pace::new(new(per_minute), new(burst));
        let (mut now, mut passed) = (Instant::from_secs(start), Vec::new());
        for wait in waits {
            now += wait;
            match pace.check(now) {
                Ok(()) => passed.push(now),
                Err(moment) => {
                    prop_assert!(moment > now);
                    prop_assert_eq!(pace.check(moment - NANO), Err(moment));
                    prop_assert_eq!(pace.check(moment), Ok(()));
                    passed.push(moment);
                    now = moment;
                }
            }
        }
        let most = u64::from(per_minute) + u64::from(burst) - 1;
        for &from in &passed {
            let held = passed.iter().filter(|&&at| at >= from && at < from + MINUTE).count();
            prop_assert!(held as u64 <= most, "{} from {:?}", held, from);
        }
    }

    #[test]
    fn a_whole_burst_passes_at_once(per_minute in 1_u32..200, burst in 1_u32..200) {
        let new = |n| NonZeroU32::new(n).unwrap();
        let (mut pace, now) = (Pace::new(new(per_minute), new(burst)), Instant::from_secs(9));
        for _ in 0..burst {
            prop_assert_eq!(pace.check(now), Ok(()));
        }
        let period = 60_000_000_000_u64.div_ceil(u64::from(per_minute));
        prop_assert_eq!(pace.check(now), Err(now + Duration::from_nanos(period)));
    }
}

#[test]
fn extremes_do_not_panic() {
    for (per_minute, burst) in [(1, u32::MAX), (u32::MAX, u32::MAX), (1, 1)] {
        let new = |n| NonZeroU32::new(n).unwrap();
        let mut pace = Pace::new(new(per_minute), new(burst));
        for nanos in [0, 1, 1_767_225_600_000_000_000, 3, u64::MAX / 2] {
            let _ = pace.check(Instant::from_nanos(nanos));
        }
    }
}
