//! A call that waits for more of what is shared.

use std::sync::Arc;

use pointsman_limits::Take;
use pointsman_types::Decimal;
use smallvec::SmallVec;

use crate::Allowance;

/// What a call waits for of shared allowances, which fetch it; it waits no more once this is dropped.
#[derive(Debug)]
pub struct Waiting {
    take: Take,
    money: Option<Decimal>,
    at: SmallVec<[Arc<dyn Allowance>; 2]>,
}

impl Waiting {
    pub(crate) fn at(
        allowances: impl Iterator<Item = Arc<dyn Allowance>>,
        take: Take,
        money: Option<Decimal>,
    ) -> Self {
        let at: SmallVec<[_; 2]> = allowances.inspect(|one| one.want(&take, money)).collect();
        Self { take, money, at }
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        self.at.iter().for_each(|one| one.unwant(&self.take, self.money));
    }
}
