// SPDX-License-Identifier: Apache-2.0
/// The trees of tests/vectors/totals-v1.json, which the node's C code makes byte for byte as well.
#[test_only]
module weir::totals_tests;

use weir::report;
use weir::totals;
use weir::vectors;

#[test]
fun statements_written_by_hand_are_read() {
    let trees = vectors::trees();
    let mut i = 0;
    while (i < trees.length()) {
        let (statement, signature, sums, from_ms, to_ms, _) = vectors::tree(&trees[i]);
        assert!(report::signed(&statement, &signature, &vectors::key()));
        let said = totals::parse(&statement).destroy_some();
        assert!(said.market() == vectors::market() && said.provider() == vectors::provider());
        assert!(said.from_ms() == from_ms && said.to_ms() == to_ms);
        assert!(totals::sums(said.cpu_ns(), said.memory_byte_ns(), said.rx_bytes(), said.tx_bytes()) == sums);
        i = i + 1;
    };
    assert!(i == 11);
}

#[test]
fun every_leaf_written_by_hand_is_in_its_tree_and_in_no_other() {
    let trees = vectors::trees();
    let (empty, _, _, _, _, _) = vectors::tree(&trees[0]);
    let empty = totals::parse(&empty).destroy_some();
    let mut i = 0;
    let mut n = 0u64;
    while (i < trees.length()) {
        let (statement, _, _, _, _, leaves) = vectors::tree(&trees[i]);
        let said = totals::parse(&statement).destroy_some();
        let mut j = 0;
        while (j < leaves.length()) {
            let (sums, content, hash, path) = vectors::leaf(&leaves[j]);
            assert!(totals::leaf_hash(&sums, content) == hash);
            assert!(said.includes(sums, content, &path));
            assert!(!said.includes(sums, b"another", &path));
            assert!(!empty.includes(sums, content, &path));
            n = n + 1;
            j = j + 1;
        };
        i = i + 1;
    };
    assert!(n == 47);
}
