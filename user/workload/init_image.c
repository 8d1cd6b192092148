/* SPDX-License-Identifier: Apache-2.0 */
#include "workload/init_image.h"

#include <stdint.h>

/* module.mk says where it is */
__asm__(".pushsection .rodata\n"
	".balign 8\n"
	".hidden init_image_data, init_image_len\n"
	".globl init_image_data, init_image_len\n"
	"init_image_len: .quad init_image_end - init_image_data\n"
	"init_image_data: .incbin \"workload-init\"\n"
	"init_image_end:\n"
	".popsection\n");

extern const uint64_t init_image_len;
extern const char init_image_data[];

const void *init_image(size_t *ret_len)
{
	*ret_len = init_image_len;
	return init_image_data;
}
