//! `model_list`: its entries, their ids and their weights.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use pointsman_types::{Decimal, Deployment, DeploymentId, GroupName};

use crate::{
    DeploymentSpec, Place, QuotaSpec,
    credentials::Credentials,
    info::Info,
    keys, limits,
    params::Params,
    prices,
    read::{Field, Fields, Given, Reading},
};

/// The deployments of a file.
#[derive(Default)]
pub(crate) struct ModelList {
    /// Those that take part.
    pub(crate) deployments: Vec<DeploymentSpec>,
    /// The group names of all entries, also of those that are left out.
    pub(crate) names: BTreeSet<String>,
    /// What each of the deployments says of it itself, by its place among them.
    pub(crate) drop_params: Vec<(usize, Option<bool>)>,
    /// The groups that get copies; whether they exist is not known yet.
    pub(crate) silent_models: Vec<Given>,
}

/// A deployment whose id and weight depend on the others.
struct Draft {
    spec: DeploymentSpec,
    id: Option<Given>,
    weight: Option<(Decimal, Place)>,
    drop_params: Option<bool>,
}

/// What entries may refer to.
pub(crate) struct Refers<'a, 't> {
    pub(crate) quotas: &'a BTreeMap<String, QuotaSpec>,
    pub(crate) credentials: &'a mut Credentials<'t>,
}

impl ModelList {
    /// Reads the list.
    pub(crate) fn read<'t>(
        reading: &mut Reading<'_>,
        list: Field<'t>,
        refers: &mut Refers<'_, 't>,
    ) -> Self {
        let mut read = Self::default();
        let Some(items) = reading.list(list, "deployments") else { return read };
        if items.is_empty() {
            reading.error(list.node.at, "model_list is empty: it needs one deployment at least");
        }
        let (mut drafts, mut left_out) = (Vec::new(), false);
        for item in items {
            left_out |= read.entry(reading, item, refers, &mut drafts);
        }
        if drafts.is_empty() && left_out {
            reading.error(
                list.at,
                "model_list: every deployment is left out, by blocked or unless_env",
            );
        }
        scale_weights(reading, &mut drafts);
        name(reading, &mut drafts);
        read.drop_params = drafts.iter().map(|draft| draft.drop_params).enumerate().collect();
        read.deployments = drafts.into_iter().map(|draft| draft.spec).collect();
        read
    }

    /// The names of the groups that have a deployment, in order.
    pub(crate) fn groups(&self) -> Vec<GroupName> {
        let mut seen = BTreeSet::new();
        let each = self.deployments.iter().map(|one| &one.deployment.group);
        each.filter(|group| seen.insert((*group).clone())).cloned().collect()
    }

    /// Reads one entry; true when it is left out.
    fn entry<'t>(
        &mut self,
        reading: &mut Reading<'_>,
        item: Field<'t>,
        refers: &mut Refers<'_, 't>,
        out: &mut Vec<Draft>,
    ) -> bool {
        let at = item.node.at;
        if item.node.entries().is_none() {
            reading.error(at, "model_list: an entry must be a mapping");
            return false;
        }
        let Some(entry) = reading.fields(item.node, "", &keys::ENTRY) else { return false };
        if entry.get("model_name").is_none() {
            reading.error(at, "model_name is missing");
        }
        let group = reading.take(&entry, "model_name", Reading::text);
        if let Some(group) = &group {
            self.names.insert(group.text.clone());
        }
        let info = reading
            .take(&entry, "model_info", |reading, field| {
                reading.fields(field.node, "model_info.", &keys::INFO)
            })
            .unwrap_or_default();
        let mut params_at = at;
        let fields = reading.take(&entry, "litellm_params", |reading, field| {
            params_at = field.at;
            reading.fields(field.node, "litellm_params.", &keys::PARAMS)
        });
        if entry.get("litellm_params").is_none() {
            reading.error(at, "litellm_params is missing");
        }
        let there = fields.is_some();
        let mut fields = fields.unwrap_or_default();
        refers.credentials.fill(reading, &mut fields);
        // What is wrong with the rest of an entry is said even if it cannot be called.
        let read =
            if there { Params::read(reading, &fields, params_at) } else { Params::default() };
        for quota in read.quotas.iter().filter(|one| !refers.quotas.contains_key(&one.text)) {
            let near = reading.near(&quota.text, refers.quotas.keys().map(String::as_str));
            let shown = quota.shown();
            let message = format!("litellm_params.quotas: {shown} names no quota{near}");
            reading.error(quota.at, message);
        }
        self.silent_models.extend(read.silent_models.iter().cloned());
        let blocked = reading.take(&info, "blocked", Reading::flag).unwrap_or(false);
        let left_out = read.left_out || blocked;
        let draft = drafts(reading, at, group.as_ref(), read, [&entry, &fields, &info]);
        if !left_out {
            out.extend(draft);
        }
        left_out
    }
}

/// The deployments of one entry: one for each organization.
fn drafts(
    reading: &mut Reading<'_>,
    at: Place,
    group: Option<&Given>,
    read: Params,
    places: [&Fields<'_>; 3],
) -> Vec<Draft> {
    let [_, params, info_fields] = places;
    let limits = limits::of_deployment(reading, places);
    let price = prices::read(reading, [params, info_fields]);
    let info = Info::read(reading, info_fields, params);
    let Some(group) = group else { return Vec::new() };
    let region = read.region();
    let mut deployment = Deployment::new(&group.text, &read.vendor, &read.model);
    deployment.api_base = read.api_base;
    deployment.api_key = read.api_key;
    deployment.settings = read.settings;
    deployment.params = read.defaults;
    deployment.order = read.order.or(info.order);
    deployment.tags = read.tags;
    deployment.timeout = read.timeout;
    deployment.stream_timeout = read.stream_timeout;
    deployment.num_retries = read.num_retries;
    let spec = DeploymentSpec {
        deployment,
        at,
        model_at: read.model_at,
        any_vendor: read.any_vendor,
        limits,
        budget: read.budget,
        quotas: unique(read.quotas),
        price,
        cooldown_time: read.cooldown_time.or(info.cooldown_time),
        allowed_fails: info.allowed_fails,
        allowed_fails_policy: info.allowed_fails_policy,
        region,
        info: info.model,
        silent_models: unique(read.silent_models),
        // The default is applied when it is known.
        drop_params: false,
        additional_drop_params: read.always_dropped,
        health_check: info.health_check,
    };
    let one = |organization: Option<String>| {
        let mut spec = spec.clone();
        spec.deployment.organization = organization;
        let (id, weight, drop_params) = (info.id.clone(), read.weight, read.drops_unknown);
        Draft { spec, id, weight, drop_params }
    };
    if read.organizations.is_empty() {
        return vec![one(None)];
    }
    read.organizations.iter().map(|organization| one(Some(organization.clone()))).collect()
}

/// The texts, each once.
fn unique(texts: Vec<Given>) -> Vec<String> {
    let mut seen = BTreeSet::new();
    let texts = texts.into_iter().map(|given| given.text);
    texts.filter(|text| seen.insert(text.clone())).collect()
}

/// Gives every deployment its id. Those of the file come first; what is generated gives way.
fn name(reading: &mut Reading<'_>, drafts: &mut [Draft]) {
    let mut lines: HashMap<&str, (usize, Place)> = HashMap::new();
    let mut twice = Vec::new();
    for draft in drafts.iter() {
        let Some(id) = &draft.id else { continue };
        // The copies for several organizations come from one place in the text.
        match lines.get(id.text.as_str()) {
            Some(&(line, entry)) if entry != draft.spec.at => twice.push((id.clone(), line)),
            Some(_) => {}
            None => {
                lines.insert(&id.text, (id.at.line, draft.spec.at));
            }
        }
    }
    let mut taken: BTreeSet<String> = lines.keys().map(|&id| id.to_owned()).collect();
    for (id, line) in twice {
        let (shown, here) = (id.shown(), id.at.line);
        let message = format!("model_info.id: {shown} is used on line {line} and on line {here}");
        reading.error(id.at, message);
    }
    let mut given = BTreeSet::new();
    let mut twins = HashMap::new();
    for draft in drafts {
        let one = &mut draft.spec.deployment;
        let base = match &draft.id {
            Some(id) if given.insert(id.text.clone()) => {
                one.id = DeploymentId::from(id.text.as_str());
                continue;
            }
            Some(id) => id.text.clone(),
            None => {
                let base = one.api_base.as_deref();
                Deployment::default_id(one.group.as_str(), &one.vendor, &one.model, base)
                    .to_string()
            }
        };
        let mut id = base.clone();
        // Where the last twin stopped: thousands of twins are named in one pass.
        let twin = twins.entry(base.clone()).or_insert(2_usize);
        while !taken.insert(id.clone()) {
            id = format!("{base}-{twin}");
            *twin += 1;
        }
        one.id = id.into();
    }
}

/// Weights may be fractions: those of a group are scaled to whole numbers, exactly.
fn scale_weights(reading: &mut Reading<'_>, drafts: &mut [Draft]) {
    let mut groups: BTreeMap<GroupName, Vec<usize>> = BTreeMap::new();
    for (at, draft) in drafts.iter().enumerate() {
        if draft.weight.is_some() {
            groups.entry(draft.spec.deployment.group.clone()).or_default().push(at);
        }
    }
    for members in groups.into_values() {
        let weights: Vec<(Decimal, Place)> =
            members.iter().filter_map(|&at| drafts[at].weight).collect();
        let values: Vec<Decimal> = weights.iter().map(|(value, _)| *value).collect();
        if let Some(whole) = scaled(&values) {
            for (&at, weight) in members.iter().zip(whole) {
                drafts[at].spec.deployment.weight = Some(weight);
            }
        } else {
            let finest = weights.iter().max_by_key(|(value, _)| value.normalize().scale());
            let at = finest.map_or_else(Place::default, |&(_, at)| at);
            reading.error(at, "litellm_params.weight: the weights of the group are too far apart");
        }
    }
}

/// Whole numbers in the same proportion; numbers that are whole already stay.
fn scaled(weights: &[Decimal]) -> Option<Vec<u32>> {
    let scale = weights.iter().map(|weight| weight.normalize().scale()).max()?;
    let mut whole = Vec::with_capacity(weights.len());
    for weight in weights {
        let weight = weight.normalize();
        let factor = 10_i128.checked_pow(scale - weight.scale())?;
        whole.push(weight.mantissa().checked_mul(factor)?);
    }
    if scale > 0 {
        let divisor = whole.iter().copied().fold(0, divisor).max(1);
        for weight in &mut whole {
            *weight /= divisor;
        }
    }
    whole.into_iter().map(|weight| u32::try_from(weight).ok()).collect()
}

fn divisor(a: i128, b: i128) -> i128 {
    if b == 0 { a } else { divisor(b, a % b) }
}
