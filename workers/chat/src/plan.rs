//! Two decisions of the engine, without the engine: which slot takes a request, and how much of each prompt is read
//! in the next step.

use std::cmp::Reverse;

/// A slot that is free, and what it remembers.
#[derive(Debug)]
pub(crate) struct FreeSlot<'a, Token> {
    /// Which slot.
    pub(crate) index: usize,
    /// The tokens whose computation it still holds, in order.
    pub(crate) memory: &'a [Token],
    /// When it was used last; larger is later.
    pub(crate) last_used: u64,
}

/// The slot to take for `prompt`, and how many of its tokens that slot remembers from the beginning.
///
/// Where a slot remembers this conversation and little else, that is the one with most of it. Else it is the slot that was used
/// longest ago: all conversations may begin with the same instructions, and the few tokens saved by building on
/// another one's memory are not worth forgetting it.
pub(crate) fn choose_slot<'a, Token: PartialEq + 'a>(
    free: impl Iterator<Item = FreeSlot<'a, Token>>,
    prompt: &[Token],
) -> Option<(usize, usize)> {
    let preference = |slot: FreeSlot<'a, Token>| {
        let matching = common_beginning(slot.memory, prompt);
        let goes_on = matching > 0 && matching * 4 >= slot.memory.len() * 3;
        let asks_again = matching > 0 && matching + 1 >= prompt.len();
        let worth_building_on = if goes_on || asks_again { matching } else { 0 };
        (worth_building_on, Reverse(slot.last_used), slot.index, matching)
    };
    let (_, _, index, matching) = free.map(preference).max()?;
    Some((index, matching))
}

/// How many tokens two sequences share from the beginning.
fn common_beginning<Token: PartialEq>(one: &[Token], other: &[Token]) -> usize {
    one.iter().zip(other).take_while(|(a, b)| a == b).count()
}

/// Divides a step's reading among prompts of which `left` tokens are unread: equal shares, and what a short prompt
/// doesn't need goes to the others. Together at most `budget`.
pub(crate) fn share_reading(budget: usize, left: &[usize]) -> Vec<usize> {
    let mut shares = vec![0; left.len()];
    let mut by_need: Vec<usize> = (0..left.len()).collect();
    by_need.sort_by_key(|&index| left[index]);

    let mut budget = budget;
    for (served, &index) in by_need.iter().enumerate() {
        let waiting = left.len() - served;
        shares[index] = left[index].min(budget.div_ceil(waiting));
        budget -= shares[index];
    }
    shares
}

#[cfg(test)]
mod tests {
    use super::*;

    fn choose(memories: &[(&'static str, u64)], prompt: &str) -> Option<(usize, usize)> {
        let memories: Vec<(Vec<char>, u64)> =
            memories.iter().map(|(m, at)| (m.chars().collect(), *at)).collect();
        let prompt: Vec<char> = prompt.chars().collect();
        let slots = memories.iter().enumerate();
        choose_slot(
            slots.map(|(index, (memory, last_used))| FreeSlot { index, memory, last_used: *last_used }),
            &prompt,
        )
    }

    #[test]
    fn a_conversation_goes_on_where_most_of_it_is_remembered() {
        assert_eq!(choose(&[("ab", 1), ("abcd", 2), ("zabcde", 3)], "abcdefgh"), Some((1, 4)));
        assert_eq!(choose(&[("", 0), ("abcdefxy", 2)], "abcdefgh"), Some((1, 6)));
    }

    #[test]
    fn a_question_asked_again_finds_its_slot_however_long_the_answer_was() {
        assert_eq!(choose(&[("", 0), ("abcdefghijkl", 2)], "abc"), Some((1, 3)));
    }

    #[test]
    fn another_conversations_memory_is_not_given_up_for_a_common_greeting() {
        assert_eq!(choose(&[("abcdefgh", 5), ("", 0)], "abxyz"), Some((1, 0)));
        assert_eq!(choose(&[("abcdefgh", 5), ("abijklmn", 3)], "abxyz"), Some((1, 2)));
    }

    #[test]
    fn no_free_slot_no_choice() {
        assert_eq!(choose(&[], "abc"), None);
    }

    #[test]
    fn reading_is_shared_equally() {
        assert_eq!(share_reading(64, &[1_000, 1_000]), [32, 32]);
        assert_eq!(share_reading(64, &[0, 1_000, 0]), [0, 64, 0]);
        assert_eq!(share_reading(64, &[]), [0; 0]);
    }

    #[test]
    fn what_a_short_prompt_leaves_goes_to_the_long_ones() {
        assert_eq!(share_reading(64, &[500, 4, 500]), [30, 4, 30]);
        assert_eq!(share_reading(64, &[10, 20]), [10, 20]);
    }

    #[test]
    fn the_budget_is_never_exceeded_and_always_used() {
        for budget in 1..20 {
            for left in [vec![3, 9, 1], vec![7, 7, 7, 7], vec![1, 1], vec![100], vec![0, 50, 13]] {
                let shares = share_reading(budget, &left);
                assert_eq!(shares.iter().sum::<usize>(), budget.min(left.iter().sum()), "{budget} {left:?}");
                assert!(shares.iter().zip(&left).all(|(share, left)| share <= left));
            }
        }
    }
}
