//! Grants: coins that a wallet lets others spend, and takes back at once when it likes.

use std::collections::{BTreeSet, HashMap};

use mtor_protocol::{AccountId, Digest, GrantTerms, JobId, Micro, Problem, ProblemKind, Timestamp, limits};

use super::{Finished, Meter, Output, Realm, Ticket};
use crate::entry::{Fact, NewJob, Outcome};
use crate::grant::{Grant, grant_account};
use crate::state::{Corrupt, State};

/// What part of its limit is set aside for a grant at a time, so that the granter's coins are not tied up before they are
/// needed: a twentieth.
const PORTIONS: u64 = 20;

/// Where to find grants.
#[derive(Debug, Default)]
pub(super) struct GrantIndex {
    /// By the account that each has of its own.
    by_account: HashMap<AccountId, JobId>,
    /// By the wallets that may spend, the oldest first.
    by_holder: HashMap<AccountId, Vec<JobId>>,
    /// How many each wallet gives.
    given: HashMap<AccountId, usize>,
    /// When those end that end by themselves.
    ends: BTreeSet<(Timestamp, JobId)>,
}

impl GrantIndex {
    pub(super) fn new(state: &State) -> Self {
        let mut index = Self::default();
        // Ids are ordered by time.
        state.grants().iter().for_each(|(id, grant)| index.enter(*id, grant));
        index
    }

    fn enter(&mut self, id: JobId, grant: &Grant) {
        self.by_account.insert(grant.account, id);
        for holder in &grant.to {
            self.by_holder.entry(*holder).or_default().push(id);
        }
        *self.given.entry(grant.from).or_default() += 1;
        self.ends.extend(grant.terms.expires.map(|expires| (expires, id)));
    }

    fn leave(&mut self, id: JobId, grant: &Grant) {
        self.by_account.remove(&grant.account);
        for holder in &grant.to {
            let held = self.by_holder.get_mut(holder);
            let empty = held.is_some_and(|held| {
                held.retain(|other| *other != id);
                held.is_empty()
            });
            if empty {
                self.by_holder.remove(holder);
            }
        }
        if let Some(given) = self.given.get_mut(&grant.from) {
            *given -= 1;
            if *given == 0 {
                self.given.remove(&grant.from);
            }
        }
        if let Some(expires) = grant.terms.expires {
            self.ends.remove(&(expires, id));
        }
    }

    /// Whether a wallet gives a grant or has one.
    pub(super) fn concern(&self, wallet: AccountId) -> bool {
        self.given.contains_key(&wallet) || self.by_holder.contains_key(&wallet)
    }

    /// When the next grant ends by itself.
    pub(super) fn next_end(&self) -> Option<Timestamp> {
        self.ends.first().map(|(time, _)| *time)
    }

    /// A grant whose time is over.
    pub(super) fn ended(&self, now: Timestamp) -> Option<JobId> {
        self.ends.first().filter(|(time, _)| *time <= now).map(|(_, grant)| *grant)
    }
}

/// The grants that may pay for a job, the oldest first.
struct Payers<'a> {
    grants: Vec<&'a Grant>,
    /// Whether one of them has to, and not the wallet's own coins.
    must: bool,
}

impl Realm {
    #[expect(clippy::too_many_arguments, reason = "each is a part of one input, handed on as it came")]
    pub(super) fn grant(
        &mut self,
        now: Timestamp,
        ticket: Ticket,
        id: JobId,
        (from, to): (AccountId, Vec<AccountId>),
        terms: GrantTerms,
        about: Digest,
        outputs: &mut Vec<Output>,
    ) -> Result<(), Corrupt> {
        let this = Finished::Grant { from, about };
        if let Some(known) = self.known(id) {
            outputs.push(match known == this {
                true => Output::Done { ticket },
                false => Self::refuse(ticket, ProblemKind::Conflict, format!("{id} is another request")),
            });
            return Ok(());
        }
        if let Err(problem) = self.check_grant(now, from, &to, &terms) {
            outputs.push(Output::Refused { ticket, problem });
            return Ok(());
        }
        let account = grant_account(from, id);
        self.record(now, Fact::Granted { id, from, account, to, terms, about }, outputs)?;
        if let Some(grant) = self.state.grants().get(&id) {
            self.grants.enter(id, grant);
        }
        self.remember(id, this);
        outputs.push(Output::Done { ticket });
        Ok(())
    }

    fn check_grant(
        &self,
        now: Timestamp,
        from: AccountId,
        to: &[AccountId],
        terms: &GrantTerms,
    ) -> Result<(), Problem> {
        let invalid =
            |param: &str, detail: &str| Err(Problem::new(ProblemKind::InvalidRequest, detail).param(param));
        if terms.limit == Micro::ZERO {
            return invalid("terms.limit", "the limit must be more than nothing");
        }
        if terms.job_max == Some(Micro::ZERO) {
            return invalid("terms.job_max", "a job must be allowed to cost more than nothing");
        }
        if terms.expires.is_some_and(|expires| expires <= now) {
            return invalid("terms.expires", "a grant must end in the future");
        }
        if to.contains(&from) {
            return invalid("to", "a wallet needs no grant to spend its own coins");
        }
        if to.len() > limits::GRANT_HOLDERS_MAX {
            let detail = format!("a grant is for at most {} wallets", limits::GRANT_HOLDERS_MAX);
            return invalid("to", &detail);
        }
        if terms.only.len() > limits::OFFERS_MAX {
            let detail = format!("a grant names at most {} capabilities", limits::OFFERS_MAX);
            return invalid("terms.only", &detail);
        }
        if self.grants.by_account.contains_key(&from) {
            let detail = "what was granted can't be granted on";
            return Err(Problem::new(ProblemKind::Forbidden, detail));
        }
        if self.grants.given.get(&from).is_some_and(|given| *given >= limits::GRANTS_MAX) {
            let detail = format!("a wallet gives at most {} grants; take one back first", limits::GRANTS_MAX);
            return Err(Problem::new(ProblemKind::Conflict, detail));
        }
        Ok(())
    }

    pub(super) fn revoke(
        &mut self,
        now: Timestamp,
        ticket: Ticket,
        id: JobId,
        account: AccountId,
        meter: &impl Meter,
        outputs: &mut Vec<Output>,
    ) -> Result<(), Corrupt> {
        if self.state.grants().get(&id).is_none_or(|grant| grant.from != account) {
            outputs.push(Self::refuse(ticket, ProblemKind::NotFound, "this wallet gives no such grant"));
            return Ok(());
        }
        self.end_grant(now, id, meter, outputs)?;
        outputs.push(Output::Done { ticket });
        Ok(())
    }

    /// Cancels what runs on a grant's coins, and gives back what is left of them.
    pub(super) fn end_grant(
        &mut self,
        now: Timestamp,
        id: JobId,
        meter: &impl Meter,
        outputs: &mut Vec<Output>,
    ) -> Result<(), Corrupt> {
        let Some(grant) = self.state.grants().get(&id).cloned() else { return Ok(()) };
        let open = self.state.open().iter().filter(|(_, open)| open.job.payer() == grant.account);
        for job in open.map(|(job, _)| *job).collect::<Vec<_>>() {
            self.end(now, job, Outcome::Cancelled, None, meter, outputs)?;
        }
        self.grants.leave(id, &grant);
        let amount = self.state.books().account(grant.account).available();
        self.record(now, Fact::Revoked { grant: id, from: grant.account, to: grant.from, amount }, outputs)
    }

    /// The grants that may pay for a job.
    fn grants_for(&self, job: &NewJob) -> Result<Payers<'_>, Problem> {
        let find = |id: JobId| self.state.grants().get(&id);
        if let Some(id) = self.grants.by_account.get(&job.account) {
            return Ok(Payers { grants: find(*id).into_iter().collect(), must: true });
        }
        if let Some(id) = job.grant {
            let mine = find(id).filter(|grant| grant.to.contains(&job.account));
            let none =
                || Problem::new(ProblemKind::NotFound, "this wallet has no such grant, or not any more");
            return Ok(Payers { grants: vec![mine.ok_or_else(|| none().param("grant"))?], must: true });
        }
        let held = self.grants.by_holder.get(&job.account);
        Ok(Payers { grants: held.into_iter().flatten().filter_map(|id| find(*id)).collect(), must: false })
    }

    /// At home the owner never runs dry, also where others spend of the owner's coins.
    pub(super) fn fund_payers(
        &mut self,
        now: Timestamp,
        job: &NewJob,
        outputs: &mut Vec<Output>,
    ) -> Result<(), Corrupt> {
        let payers = self.grants_for(job).map(|payers| payers.grants).unwrap_or_default();
        let granters: Vec<AccountId> = payers.into_iter().map(|grant| grant.from).collect();
        self.fund_owner_for(now, job.account, outputs)?;
        granters.into_iter().try_for_each(|granter| self.fund_owner_for(now, granter, outputs))
    }

    /// The account of the grant that pays for a job; `None` when its own wallet does.
    pub(super) fn payer(
        &self,
        now: Timestamp,
        job: &NewJob,
        hold: Micro,
    ) -> Result<Option<AccountId>, Problem> {
        let Payers { grants, must } = self.grants_for(job)?;
        let mut left = Vec::new();
        for grant in grants {
            match grant.allows(now, &job.capability, hold) {
                Ok(()) => {}
                Err(why) if must => return Err(Problem::new(ProblemKind::Forbidden, why)),
                Err(_) => continue,
            }
            let there = self.spendable(now, grant);
            if there >= hold {
                return Ok((grant.account != job.account).then_some(grant.account));
            }
            left.push((grant, there));
        }
        let own = self.state.books().account(job.account).available();
        if !must && own >= hold {
            return Ok(None);
        }
        let mut detail = format!("this can cost up to {hold} coins");
        for (grant, there) in &left {
            detail += &format!(", {there} of the grant are left");
            if let Some(period) = grant.terms.period {
                detail += &format!(" until {}", period.next(now));
            }
        }
        detail += &match must {
            true => "; ask for fewer tokens".to_owned(),
            false => format!(", and {own} are available; ask for fewer tokens, or fill the wallet up"),
        };
        Err(Problem::new(ProblemKind::InsufficientFunds, detail))
    }

    /// What can be spent of a grant until it begins anew, if the granter has as much. At home the owner always does.
    pub fn grant_left(&self, now: Timestamp, grant: &Grant) -> Micro {
        match self.config.private {
            Some(private) if private.owner == grant.from => {
                let account = self.state.books().account(grant.account);
                Micro(account.available().0.saturating_add(grant.drawable(now, &account).0))
            }
            _ => self.spendable(now, grant),
        }
    }

    /// What is set aside, and what more may be of what the granter has now.
    fn spendable(&self, now: Timestamp, grant: &Grant) -> Micro {
        let books = self.state.books();
        let account = books.account(grant.account);
        let more = grant.drawable(now, &account).min(books.account(grant.from).available());
        Micro(account.available().0.saturating_add(more.0))
    }

    /// Before a job is taken: if its payer is a grant that has too little, a portion more is set aside.
    pub(super) fn set_aside(
        &mut self,
        now: Timestamp,
        job: &NewJob,
        hold: Micro,
        outputs: &mut Vec<Output>,
    ) -> Result<(), Corrupt> {
        let Some(id) = self.grants.by_account.get(&job.payer()).copied() else { return Ok(()) };
        let Some(grant) = self.state.grants().get(&id) else { return Ok(()) };
        let books = self.state.books();
        let account = books.account(grant.account);
        let missing = hold.saturating_sub(account.available());
        if missing == Micro::ZERO {
            return Ok(());
        }
        let portion = Micro(grant.terms.limit.0 / PORTIONS).max(missing);
        let amount = portion.min(grant.drawable(now, &account)).min(books.account(grant.from).available());
        let (from, to) = (grant.from, grant.account);
        self.record(now, Fact::Filled { grant: id, from, to, amount }, outputs)
    }
}
