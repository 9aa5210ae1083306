// SPDX-License-Identifier: GPL-2.0-only
#include <string.h>

#include "offline.h"
#include "../daemon/labels.h"

static void list_interfaces(const struct sg_pins *pins, char *buf, size_t size)
{
	buf[0] = '\0';
	for (unsigned int i = 0; i < pins->links; i++)
		snprintf(buf + strlen(buf), size - strlen(buf), "%s%s", i ? ", " : "",
			 pins->interfaces[i]);
}

static void say_pinned(const struct sg_pins *pins, int width, struct sg_lines *lines)
{
	char where[SG_CONFIG_INTERFACES_MAX * (IF_NAMESIZE + 2)];
	const char *mode = pins->mode_known ? sg_label_mode(pins->mode) : "an unknown mode";

	list_interfaces(pins, where, sizeof(where));
	if (!pins->links) {
		sg_lines_wrap(
			lines, width, "",
			"Its maps are pinned, but its program is on no interface: nothing is guarded, "
			"traffic flows as if it were not there.");
		return;
	}
	if (pins->trial)
		sg_lines_wrap(
			lines, width, "",
			"The data plane goes on alone on %s, in %s on trial: when the trial is over, "
			"as it may be by now, it is in %s by itself.",
			where, mode, sg_label_mode(pins->mode_then));
	else
		sg_lines_wrap(lines, width, "", "The data plane goes on alone on %s, in %s%s.",
			      where, mode,
			      pins->mode_known && pins->mode == SG_MODE_OBSERVE
				      ? ": it counts and refuses nothing"
				      : ": the CA stays inside its limits");
}

void sg_offline_render(const struct sg_target *target, int look, const struct sg_pins *pins,
		       const char *instance, int width, struct sg_lines *lines)
{
	sg_lines_wrap(lines, width, "",
		      "The daemon is not running: nobody answers at %s/control.sock.",
		      target->runtime);
	if (look)
		sg_lines_wrap(
			lines, width, "",
			"Whether the data plane is in the path cannot be seen: '%s': %s. Look as root.",
			target->bpffs, strerror(-look));
	else if (!pins->found && target->bpffs_guessed)
		sg_lines_wrap(
			lines, width, "",
			"No data plane is pinned below %s; if this guard has another paths.bpffs, "
			"ask with -c FILE.",
			target->bpffs);
	else if (!pins->found)
		sg_lines_wrap(
			lines, width, "",
			"No data plane is pinned below %s: nothing is guarded, traffic flows as if the "
			"guard were not there.",
			target->bpffs);
	else
		say_pinned(pins, width, lines);
	sg_lines_add(lines, "%s", "");
	sg_lines_add(lines, "What to do now");
	sg_lines_wrap(lines, width, "  ", "Start the daemon%s:",
		      !look && pins->found
			      ? "; it takes over what is pinned, and no packet is unguarded"
			      : "");
	sg_lines_add(lines, "     systemctl start scepguard");
	if (!look && !pins->found)
		return;
	sg_lines_wrap(lines, width, "  ", "Or take the guard out of the path:");
	sg_lines_add(lines, "     scepguard detach%s%s", *instance ? instance : " --bpffs ",
		     *instance ? "" : target->bpffs);
}

static json_t *pinned_json(const struct sg_pins *pins)
{
	json_t *interfaces = json_array();

	for (unsigned int i = 0; i < pins->links; i++)
		json_array_append_new(interfaces, json_string(pins->interfaces[i]));
	return json_pack("{s:i, s:o, s:s?, s:b}", "layout", pins->layout, "interfaces", interfaces,
			 "mode", pins->mode_known ? sg_label_mode(pins->mode) : NULL, "trial",
			 pins->trial);
}

json_t *sg_offline_json(const struct sg_target *target, int look, const struct sg_pins *pins)
{
	json_t *pinned = !look && pins->found ? pinned_json(pins) : json_null();

	return json_pack("{s:b, s:s, s:b, s:s, s:o, s:o}", "ok", 0, "error",
			 "the daemon is not running", "running", 0, "runtime", target->runtime,
			 "pinned", pinned, "pins_unreadable",
			 look ? json_string(strerror(-look)) : json_null());
}
