//! From deployments that are bound to the groups that calls name.

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
};

use pointsman_provider::{Provider, Target};
use pointsman_state::{AccountId, AccountIx, Slot};
use pointsman_strategy::{Affinity, Pick};
use pointsman_types::{GroupName, Ix, stable_hash};

use crate::{
    GroupSet, Member, Settings,
    live::Lives,
    plan::patterns,
    topology::{Accounts, Group, Node, Topology},
};

/// A deployment, ready to be called.
pub(crate) fn node(member: Member, ready: (Arc<dyn Provider>, Target), slot: Slot) -> Node {
    let (provider, target) = ready;
    let limits = &member.limits;
    let tokens = [limits.tpm, limits.itpm, limits.otpm, limits.tpd].iter().any(Option::is_some);
    Node {
        weighs: tokens || member.budget.is_some() || !member.accounts.is_empty(),
        max_output: max_output(&member.deployment.params),
        most: [limits.tpm, limits.tpd].into_iter().flatten().min(),
        most_output: limits.otpm,
        hash: member.deployment.id.stable_hash(),
        rpm: member.limits.rpm,
        tpm: member.limits.tpm,
        price: member.price,
        info: member.info,
        probe: member.probe,
        mirrors: member.mirrors,
        deployment: member.deployment,
        target,
        provider,
        slot,
    }
}

/// The longest answer among a deployment's default parameters, which are names and JSON.
fn max_output(params: &[(String, String)]) -> Option<u64> {
    let named = |name: &str| params.iter().find(|(param, _)| param == name);
    pointsman_provider::MAX_OUTPUT
        .into_iter()
        .find_map(|name| named(name)?.1.trim().parse::<u64>().ok())
}

/// The shared accounts, found by tag and caller.
pub(crate) fn accounts(
    all: Vec<(AccountId, AccountIx)>,
    tags: Vec<String>,
    callers: Vec<String>,
) -> Accounts {
    let find = |id: AccountId| all.iter().find(|(other, _)| *other == id).map(|(_, ix)| *ix);
    let of = |names: Vec<String>, id: fn(&str) -> AccountId| -> BTreeMap<String, AccountIx> {
        names
            .into_iter()
            .filter_map(|name| Some((find(id(&name))?, name)))
            .map(|(ix, name)| (name, ix))
            .collect()
    };
    let (of_tag, of_caller) = (of(tags, AccountId::tag), of(callers, AccountId::caller));
    Accounts { all, of_tag, of_caller }
}

/// All deployments in their groups.
pub(crate) fn topology(
    nodes: Vec<Node>,
    accounts: Accounts,
    settings: Settings,
    lives: &Lives,
) -> Topology {
    let mut topology = Topology {
        by_id: HashMap::with_capacity(nodes.len()),
        by_name: HashMap::new(),
        groups: Vec::new(),
        patterns: Vec::new(),
        nodes,
        accounts,
        settings,
    };
    for ix in (0..topology.nodes.len()).filter_map(|at| u32::try_from(at).ok()).map(Ix) {
        let node = topology.node(ix);
        let (name, slot, id) =
            (node.deployment.group.clone(), node.slot, node.deployment.id.clone());
        let at = match topology.by_name.get(&name) {
            Some(at) => *at,
            None => topology.add(name, None, lives),
        };
        topology.groups[at].members.push(ix);
        topology.groups[at].slots.push(slot);
        topology.by_id.insert(id, ix);
    }
    for set in topology.settings.sets.clone() {
        topology.add_set(&set, lives);
    }
    let weighs: Vec<bool> = topology.groups.iter().map(|group| weighs(&topology, group)).collect();
    for (group, weighs) in topology.groups.iter_mut().zip(weighs) {
        group.weighs = weighs;
    }
    let names = topology.groups.iter().map(|group| &group.name).zip(0..);
    topology.patterns = patterns(names);
    topology
}

impl Topology {
    /// Adds a group without members; a strategy of its own wins over the settings'.
    fn add(&mut self, name: GroupName, own: Option<Arc<dyn Pick>>, lives: &Lives) -> usize {
        let settings = &self.settings;
        let set =
            || settings.sets.iter().find(|set| set.groups.iter().any(|one| one == name.as_str()));
        let pick = own
            .or_else(|| settings.group_strategies.get(name.as_str()).cloned())
            .or_else(|| {
                set().filter(|set| set.tiers.is_none()).map(|set| Arc::clone(&set.strategy))
            })
            .unwrap_or_else(|| Arc::clone(&settings.strategy));
        let pick = match Settings::of_group(&settings.affinity, name.as_str()) {
            Some(affinity) => Arc::new(Affinity::new(pick, affinity.bound)),
            None => pick,
        };
        let at = self.groups.len();
        self.groups.push(Group {
            live: lives.of(&name),
            hash: stable_hash(name.as_str().as_bytes()),
            members: Vec::new(),
            slots: Vec::new(),
            pick,
            tiers: None,
            weighs: false,
            hedge: Settings::of_group(&settings.hedge, name.as_str()).copied(),
            name: name.clone(),
        });
        self.by_name.insert(name, at);
        at
    }

    /// Adds several groups under one name, unless a group has that name.
    fn add_set(&mut self, set: &GroupSet, lives: &Lives) {
        if self.by_name.contains_key(set.name.as_str()) {
            return;
        }
        let at = self.add(set.name.as_str().into(), Some(Arc::clone(&set.strategy)), lives);
        let mut tiers = Vec::new();
        for (place, name) in set.groups.iter().enumerate() {
            let Some(from) = self.by_name.get(name.as_str()).copied() else { continue };
            let (members, slots) =
                (self.groups[from].members.clone(), self.groups[from].slots.clone());
            let tier = set.tiers.as_ref().and_then(|tiers| tiers.get(place)).copied();
            tiers.extend(members.iter().map(|_| tier.unwrap_or(0)));
            self.groups[at].members.extend(members);
            self.groups[at].slots.extend(slots);
        }
        self.groups[at].tiers = set.tiers.as_ref().map(|_| tiers);
    }
}

/// Whether a group's decisions hang on what a prompt weighs: on a limit of tokens, a budget, or a
/// strategy that compares sizes.
fn weighs(topology: &Topology, group: &Group) -> bool {
    topology.settings.pre_call_checks
        || group.members.iter().any(|ix| topology.node(*ix).weighs)
        || group.pick.weighs()
}
