//! Overrides and defaults with one thing made simpler, the most promising first.

use std::collections::{BTreeMap, BTreeSet};

use crate::policy::assign::SandboxSpelling;
use crate::policy::folders;
use crate::policy::{
    Approval, CallOverrides, Defaults, Dimension, Granular, Layer, Overrides, Sandbox, Setting,
    TurnOverrides,
};

/// Overrides of a lifecycle call.
pub fn call(overrides: &CallOverrides) -> Vec<CallOverrides> {
    let mut all = fewer(overrides);
    all.extend(approval(overrides));
    all
}

pub fn turn(overrides: &TurnOverrides) -> Vec<TurnOverrides> {
    let mut all = fewer(overrides);
    all.extend(approval(overrides));
    if let Setting::Set(set) = &overrides.sandbox {
        let simpler = sandbox(set).into_iter().map(Setting::Set);
        all.extend(simpler.map(|sandbox| Overrides { sandbox, ..overrides.clone() }));
    }
    all
}

/// None at all, then each one left out.
fn fewer<S: SandboxSpelling + PartialEq>(overrides: &Overrides<S>) -> Vec<Overrides<S>> {
    let kept = || overrides.clone();
    let mut all = vec![
        Overrides::default(),
        Overrides { sandbox: Setting::Omit, ..kept() },
        Overrides { reviewer: Setting::Omit, ..kept() },
        Overrides { approval: Setting::Omit, ..kept() },
        Overrides { profile: Setting::Omit, ..kept() },
        Overrides { others: BTreeMap::new(), ..kept() },
        Overrides { tier_once: None, ..kept() },
        Overrides { by_config: false, ..kept() },
    ];
    for dimension in overrides.others.keys() {
        let mut fewer = kept();
        fewer.others.remove(dimension);
        all.push(fewer);
    }
    // A mode without a model and an effort of its own.
    if let Some(mode) = overrides.assigned(Dimension::CM) {
        let mut fewer = kept();
        all.extend(fewer.assign(&mode).map(|()| fewer));
    }
    if let Some(Setting::Set(roots)) = overrides.others.get(&Dimension::WR) {
        let one = |root: &str| {
            let mut fewer = kept();
            fewer.others.insert(Dimension::WR, Setting::Set(root.to_owned()));
            fewer
        };
        all.extend(folders::listed(roots).map(one));
    }
    all.retain(|fewer| fewer != overrides);
    all
}

const NO_CATEGORY: Granular = Granular {
    sandbox_approval: false,
    rules: false,
    skill_approval: false,
    request_permissions: false,
    mcp_elicitations: false,
};

fn approval<S: Clone>(overrides: &Overrides<S>) -> Option<Overrides<S>> {
    match &overrides.approval {
        Setting::Set(Approval::Granular(granular)) if *granular != NO_CATEGORY => {
            let approval = Setting::Set(Approval::Granular(NO_CATEGORY));
            Some(Overrides { approval, ..overrides.clone() })
        }
        _ => None,
    }
}

fn sandbox(sandbox: &Sandbox) -> Vec<Sandbox> {
    match sandbox {
        Sandbox::ReadOnly { network: true } => vec![Sandbox::ReadOnly { network: false }],
        Sandbox::External { network: true } => vec![Sandbox::External { network: false }],
        Sandbox::WorkspaceWrite { network, exclude_tmpdir, exclude_slash_tmp, roots } => {
            let none = BTreeSet::new();
            let with = |marks: [bool; 3], roots: &BTreeSet<String>| {
                let [network, exclude_tmpdir, exclude_slash_tmp] = marks;
                let roots = roots.clone();
                Sandbox::WorkspaceWrite { network, exclude_tmpdir, exclude_slash_tmp, roots }
            };
            let (open, tmpdir, slash_tmp) = (*network, *exclude_tmpdir, *exclude_slash_tmp);
            let all = [
                with([false; 3], &none),
                with([open, tmpdir, slash_tmp], &none),
                with([false, tmpdir, slash_tmp], roots),
                with([open, false, slash_tmp], roots),
                with([open, tmpdir, false], roots),
            ];
            all.into_iter().filter(|simpler| simpler != sandbox).collect()
        }
        _ => Vec::new(),
    }
}

/// The plain defaults at once, then each by itself: what a file of config does not state is less
/// plain for the user's, and plainer for the project's.
pub fn defaults(defaults: &Defaults) -> Vec<Defaults> {
    let plain = Defaults::default();
    let kept = || defaults.clone();
    let mut all = vec![
        plain.clone(),
        Defaults { project: Layer::default(), trust: None, ..kept() },
        Defaults { trust: None, ..kept() },
        Defaults { network: plain.network, ..kept() },
        Defaults { roots: BTreeSet::new(), ..kept() },
    ];
    all.extend(
        layer(&defaults.project, &plain.project).map(|it| Defaults { project: it, ..kept() }),
    );
    all.extend(layer(&defaults.user, &plain.user).map(|it| Defaults { user: it, ..kept() }));
    for (id, profile) in &defaults.profiles {
        all.extend(profile.simpler().into_iter().map(|simpler| {
            let profiles = BTreeMap::from([(id.clone(), simpler)]);
            let others = defaults.profiles.clone();
            Defaults { profiles: others.into_iter().chain(profiles).collect(), ..kept() }
        }));
    }
    all.extend([
        Defaults { profile: None, ..kept() },
        Defaults { profiles: BTreeMap::new(), profile: None, ..kept() },
        Defaults { others: BTreeMap::new(), ..kept() },
        Defaults { features: plain.features, ..kept() },
    ]);
    all.into_iter().filter(|simpler| simpler != defaults && simpler.is_complete()).collect()
}

fn layer(layer: &Layer, plain: &Layer) -> [Layer; 3] {
    [
        Layer { sandbox: plain.sandbox, ..layer.clone() },
        Layer { reviewer: plain.reviewer.clone(), ..layer.clone() },
        Layer { approval: plain.approval.clone(), ..layer.clone() },
    ]
}
