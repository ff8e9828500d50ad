//! Who is present: members, each with one or more connections.

use std::{collections::HashMap, sync::Arc};

use bytes::Bytes;

use crate::memory::give_back;

/// Somebody who is present on a topic.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    /// Connections with one id are one member.
    pub id: Arc<str>,
    /// What the others are told of him; opaque.
    pub info: Bytes,
}

/// A topic has as many members as it may.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TooManyMembers;

#[derive(Default)]
pub(crate) struct Presence {
    members: HashMap<Arc<str>, Present>,
    next: u64,
}

struct Present {
    connections: usize,
    info: Bytes,
    /// Members are listed as they came.
    came: u64,
}

impl Presence {
    /// Counts a connection; returns whether it is the member's first. The info of the first counts.
    pub(crate) fn add(&mut self, member: &Member, max_members: usize) -> Result<bool, TooManyMembers> {
        if let Some(present) = self.members.get_mut(&member.id) {
            present.connections += 1;
            return Ok(false);
        }
        if self.members.len() >= max_members {
            return Err(TooManyMembers);
        }
        let present = Present { connections: 1, info: member.info.clone(), came: self.next };
        self.next += 1;
        self.members.insert(member.id.clone(), present);
        Ok(true)
    }

    /// Takes a connection away; returns the member if it was his last.
    pub(crate) fn remove(&mut self, id: &Arc<str>) -> Option<Member> {
        let present = self.members.get_mut(id)?;
        present.connections -= 1;
        if present.connections > 0 {
            return None;
        }
        let present = self.members.remove(id)?;
        give_back(&mut self.members);
        Some(Member { id: id.clone(), info: present.info })
    }

    pub(crate) fn len(&self) -> usize {
        self.members.len()
    }

    pub(crate) fn members(&self) -> Vec<Member> {
        let mut members: Vec<_> = self.members.iter().collect();
        members.sort_unstable_by_key(|(_, present)| present.came);
        let member =
            |(id, present): (&Arc<str>, &Present)| Member { id: id.clone(), info: present.info.clone() };
        members.into_iter().map(member).collect()
    }
}
