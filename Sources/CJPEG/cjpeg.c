// SPDX-License-Identifier: Apache-2.0
#include "cjpeg.h"
#include <setjmp.h>
#include <stdio.h>
#include <string.h>
#include <jpeglib.h>

typedef struct {
  struct jpeg_error_mgr manager;  // first, so that libjpeg's pointer to it is a pointer to this
  jmp_buf leave;
  char *message;
} failure;

static void leave(j_common_ptr state) {
  failure *error = (failure *)state->err;
  char text[JMSG_LENGTH_MAX];
  error->manager.format_message(state, text);
  snprintf(error->message, CJPEG_MESSAGE, "%s", text);
  longjmp(error->leave, 1);
}

// Warnings have level -1; whatever else there is to say is not for standard error.
static void note(j_common_ptr state, int level) {
  failure *error = (failure *)state->err;
  if (level >= 0) return;
  if (error->manager.num_warnings++ > 0) return;
  char text[JMSG_LENGTH_MAX];
  error->manager.format_message(state, text);
  snprintf(error->message, CJPEG_MESSAGE, "%s", text);
}

// Begins to read the bytes.
static void open_source(struct jpeg_decompress_struct *state, const unsigned char *bytes, size_t count) {
  jpeg_create_decompress(state);
  jpeg_mem_src(state, (unsigned char *)bytes, count);
  jpeg_read_header(state, TRUE);
}

static void prepare(struct jpeg_decompress_struct *state, failure *error, char *message) {
  memset(state, 0, sizeof *state);
  state->err = jpeg_std_error(&error->manager);
  error->manager.error_exit = leave;
  error->manager.emit_message = note;
  error->message = message;
  message[0] = 0;
}

int cjpeg_header(const unsigned char *bytes, size_t count, cjpeg_info *info, char *message) {
  struct jpeg_decompress_struct state;
  failure error;
  prepare(&state, &error, message);
  if (setjmp(error.leave)) {
    jpeg_destroy_decompress(&state);
    return -1;
  }
  open_source(&state, bytes, count);
  info->width = state.image_width;
  info->height = state.image_height;
  info->components = state.num_components;
  jpeg_destroy_decompress(&state);
  return 0;
}

// Each scan of a progressive file is a pass over the whole picture, whatever it holds: a few bytes each cost hours. This
// is asked at every row of blocks, so a file is left in the midst of the first scan that is too many.
static void limit_scans(j_common_ptr state) {
  j_decompress_ptr picture = (j_decompress_ptr)state;
  double pixels = (double)picture->image_width * picture->image_height, most = CJPEG_PASSES / pixels;
  if (most > CJPEG_SCANS) most = CJPEG_SCANS;
  if (picture->input_scan_number <= most) return;
  failure *error = (failure *)state->err;
  snprintf(error->message, CJPEG_MESSAGE, "more than %d scans", (int)most);
  longjmp(error->leave, 1);
}

int cjpeg_decode(const unsigned char *bytes, size_t count, unsigned char *pixels, char *message) {
  struct jpeg_decompress_struct state;
  failure error;
  struct jpeg_progress_mgr progress = {.progress_monitor = limit_scans};
  prepare(&state, &error, message);
  if (setjmp(error.leave)) {
    jpeg_destroy_decompress(&state);
    return -1;
  }
  open_source(&state, bytes, count);
  state.progress = &progress;
  state.out_color_space = state.num_components == 1 ? JCS_GRAYSCALE : JCS_RGB;
  jpeg_start_decompress(&state);
  size_t stride = (size_t)state.output_width * state.output_components;
  while (state.output_scanline < state.output_height) {
    JSAMPROW row = pixels + state.output_scanline * stride;
    jpeg_read_scanlines(&state, &row, 1);
  }
  jpeg_finish_decompress(&state);
  int warned = error.manager.num_warnings > 0;
  jpeg_destroy_decompress(&state);
  return warned;
}
