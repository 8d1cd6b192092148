/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Private to the ledger: the columns of a struct usage, which three tables and the queries share.
 * Order: memory_byte_ns (16 bytes big-endian, NULL: nothing of it was measured), memory_unmeasured,
 * memory_peak_bytes, then the counters.
 */
#pragma once

/* X(column, member): every counter, each a u64 */
#define USAGE_COUNTERS_OF(X, dir)                                   \
	X(dir##_bytes_external, dir.wire[USAGE_EXTERNAL].bytes)     \
	X(dir##_bytes_cluster, dir.wire[USAGE_CLUSTER].bytes)       \
	X(dir##_bytes_local, dir.wire[USAGE_LOCAL].bytes)           \
	X(dir##_bytes_raw, dir.raw.bytes)                           \
	X(dir##_packets_external, dir.wire[USAGE_EXTERNAL].packets) \
	X(dir##_packets_cluster, dir.wire[USAGE_CLUSTER].packets)   \
	X(dir##_packets_local, dir.wire[USAGE_LOCAL].packets)       \
	X(dir##_packets_raw, dir.raw.packets)
#define USAGE_COUNTERS(X) X(cpu_ns, cpu_ns) USAGE_COUNTERS_OF(X, rx) USAGE_COUNTERS_OF(X, tx)

#define COLUMN_NAME(column, member) ", " #column
#define COLUMN_PARAM(column, member) ", :" #column
#define COLUMN_SET(column, member) ", " #column " = :" #column
#define COLUMN_EXCLUDED(column, member) ", " #column " = excluded." #column
#define COLUMN_OF_D(column, member) ", d." #column
#define COLUMN_OF_U(column, member) ", u." #column
#define COLUMN_OF_P(column, member) ", p." #column

/* clang-format off */
#define USAGE_NAMES \
	"memory_byte_ns, memory_unmeasured, memory_peak_bytes" USAGE_COUNTERS(COLUMN_NAME)
#define USAGE_PARAMS \
	":memory_byte_ns, :memory_unmeasured, :memory_peak_bytes" USAGE_COUNTERS(COLUMN_PARAM)
#define USAGE_SET \
	"memory_byte_ns = :memory_byte_ns, memory_unmeasured = :memory_unmeasured," \
	" memory_peak_bytes = :memory_peak_bytes" USAGE_COUNTERS(COLUMN_SET)
#define USAGE_EXCLUDED \
	"memory_byte_ns = excluded.memory_byte_ns, memory_unmeasured = excluded.memory_unmeasured," \
	" memory_peak_bytes = excluded.memory_peak_bytes" USAGE_COUNTERS(COLUMN_EXCLUDED)
#define USAGE_OF_D \
	"d.memory_byte_ns, d.memory_unmeasured, d.memory_peak_bytes" USAGE_COUNTERS(COLUMN_OF_D)
#define USAGE_OF_U \
	"u.memory_byte_ns, u.memory_unmeasured, u.memory_peak_bytes" USAGE_COUNTERS(COLUMN_OF_U)
#define USAGE_OF_P \
	"p.memory_byte_ns, p.memory_unmeasured, p.memory_peak_bytes" USAGE_COUNTERS(COLUMN_OF_P)
#define INTERFACE_NAMES "rx_bytes, rx_packets, tx_bytes, tx_packets"
#define INTERFACE_PARAMS ":rx_bytes, :rx_packets, :tx_bytes, :tx_packets"
#define INTERFACE_EXCLUDED \
	"rx_bytes = excluded.rx_bytes, rx_packets = excluded.rx_packets," \
	" tx_bytes = excluded.tx_bytes, tx_packets = excluded.tx_packets"
#define INTERFACE_OF_D "d.rx_bytes, d.rx_packets, d.tx_bytes, d.tx_packets"
#define INTERFACE_OF_F "f.rx_bytes, f.rx_packets, f.tx_bytes, f.tx_packets"
/* clang-format on */
