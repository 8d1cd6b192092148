/* SPDX-License-Identifier: Apache-2.0 */
/* The programs that see packets: on the devices there are, as they come and go. */
#include <errno.h>
#include <stdio.h>

#include "agent/agent_int.h"
#include "agent/devices.h"
#include "agent/links.h"
#include "core/cleanup.h"
#include "core/log.h"

#define LOCAL_PORTS "/proc/sys/net/ipv4/ip_local_port_range"

/* Those of Linux when the file says nothing. */
static void local_ports(uint16_t *ret_low, uint16_t *ret_high)
{
	cleanup(close_file) FILE *f = fopen(LOCAL_PORTS, "re");
	uint16_t low, high;

	*ret_low = 32768;
	*ret_high = 60999;
	if (f && fscanf(f, "%" SCNu16 " %" SCNu16, &low, &high) == 2 && low <= high) {
		*ret_low = low;
		*ret_high = high;
	}
}

/* datapath.mode off: what counts stays. */
static size_t only_count(struct dp_device *devices, size_t n)
{
	size_t kept = 0;

	for (size_t i = 0; i < n; i++) {
		devices[i].duties &= DP_COUNT;
		if (devices[i].duties)
			devices[kept++] = devices[i];
	}
	return kept;
}

void packets_links_changed(struct agent *a)
{
	const struct option_strings *names = &a->cfg->datapath.devices;
	cleanup(free_ptr) struct dp_device *devices = NULL;
	uint16_t local_low, local_high, low, high;
	struct err err = {};
	size_t n = 0, n_links;
	const struct link_info *links = links_list(a->links, &n_links);
	int r = devices_select(links, n_links, names->v, names->n, &devices, &n);

	if (r == 0 && a->cfg->datapath.mode == CONFIG_MODE_OFF)
		n = only_count(devices, n);
	local_ports(&local_low, &local_high);
	devices_ports(local_low, local_high, &low, &high);
	dp_snat_ports(a->dp, low, high);
	r = r < 0 ? err_errno(&err, r, "choosing devices") :
		    dp_devices_sync(a->dp, devices, n, &err);
	if (r < 0)
		log_error("packets", "not all devices direct packets", "error=%s",
			  log_quote(err.text));
}
