/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Between a container's init and its node: what the one hands over at the start, and what the other
 * tells by it. The init's arguments are the probe ("none", "tcp", "http:/path"), then the program;
 * PORT and HOST of its environment are what is probed.
 *
 * Status is one line of INSIDE_STATUS_LEN bytes, padded with blanks, written over the last:
 *
 *	starting	runs, and no probe has succeeded yet
 *	ready		the last probe succeeded, or failed less than INSIDE_FAILURES times in a row
 *	unready		it was ready; or it is being stopped
 *	exit N		the program ended, and all with it
 *	signal N
 */
#pragma once

/* Its descriptors. */
#define INSIDE_LOG_FD 1 /* appended to, and read when it is full */
#define INSIDE_OLD_LOG_FD 3 /* then gets what was in the log */
#define INSIDE_STATUS_FD 4

#define INSIDE_LOG_BYTES (32u << 20)
#define INSIDE_STATUS_LEN 16

#define INSIDE_EVERY_MS 5000 /* its traffic is the package's */
#define INSIDE_SOON_MS 250 /* after one of the first failures in a row */
#define INSIDE_SOON 40
#define INSIDE_PATIENCE_MS 1000 /* for one probe */
#define INSIDE_FAILURES 3
