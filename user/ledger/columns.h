/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Private to the ledger: the columns of a struct ledger_usage, which three tables and the queries
 * share. Order: memory_byte_ns (16 bytes big-endian, NULL: not measured), memory_peak_bytes, then
 * the counters.
 */
#pragma once

/* X(column, member): every counter, each a u64 */
#define USAGE_COUNTERS(X)                                         \
	X(cpu_ns, cpu_ns)                                         \
	X(rx_bytes_external, rx.bytes[LEDGER_CLASS_EXTERNAL])     \
	X(rx_bytes_cluster, rx.bytes[LEDGER_CLASS_CLUSTER])       \
	X(rx_bytes_local, rx.bytes[LEDGER_CLASS_LOCAL])           \
	X(rx_packets_external, rx.packets[LEDGER_CLASS_EXTERNAL]) \
	X(rx_packets_cluster, rx.packets[LEDGER_CLASS_CLUSTER])   \
	X(rx_packets_local, rx.packets[LEDGER_CLASS_LOCAL])       \
	X(rx_raw_bytes, rx.raw_bytes)                             \
	X(rx_raw_packets, rx.raw_packets)                         \
	X(tx_bytes_external, tx.bytes[LEDGER_CLASS_EXTERNAL])     \
	X(tx_bytes_cluster, tx.bytes[LEDGER_CLASS_CLUSTER])       \
	X(tx_bytes_local, tx.bytes[LEDGER_CLASS_LOCAL])           \
	X(tx_packets_external, tx.packets[LEDGER_CLASS_EXTERNAL]) \
	X(tx_packets_cluster, tx.packets[LEDGER_CLASS_CLUSTER])   \
	X(tx_packets_local, tx.packets[LEDGER_CLASS_LOCAL])       \
	X(tx_raw_bytes, tx.raw_bytes)                             \
	X(tx_raw_packets, tx.raw_packets)

#define COLUMN_NAME(column, member) ", " #column
#define COLUMN_PARAM(column, member) ", :" #column
#define COLUMN_SET(column, member) ", " #column " = :" #column
#define COLUMN_OF_U(column, member) ", u." #column
#define COLUMN_OF_P(column, member) ", p." #column

#define USAGE_NAMES "memory_byte_ns, memory_peak_bytes" USAGE_COUNTERS(COLUMN_NAME)
#define USAGE_PARAMS ":memory_byte_ns, :memory_peak_bytes" USAGE_COUNTERS(COLUMN_PARAM)
#define USAGE_SET                                                                                  \
	"memory_byte_ns = :memory_byte_ns, memory_peak_bytes = :memory_peak_bytes" USAGE_COUNTERS( \
		COLUMN_SET)
#define USAGE_OF_U "u.memory_byte_ns, u.memory_peak_bytes" USAGE_COUNTERS(COLUMN_OF_U)
#define USAGE_OF_P "p.memory_byte_ns, p.memory_peak_bytes" USAGE_COUNTERS(COLUMN_OF_P)
