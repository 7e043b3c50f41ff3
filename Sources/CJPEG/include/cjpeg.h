// SPDX-License-Identifier: Apache-2.0
// JPEG files through libjpeg. The library reports errors by longjmp, which Swift cannot take part in; these two
// functions return them instead.
#ifndef CJPEG_H
#define CJPEG_H
#include <stddef.h>

// Room for a message of the library.
#define CJPEG_MESSAGE 200

// Most scans of a progressive file. Encoders write some ten, and none a hundred.
#define CJPEG_SCANS 200
// Most passes over a pixel, of all pixels together: 30 scans of the largest picture that is read.
#define CJPEG_PASSES 2e9

// What the header of a file says.
typedef struct {
  unsigned width, height;
  // 1: gray; 3: colour that can be had as RGB; 4: cyan, magenta, yellow and black.
  int components;
} cjpeg_info;

// Reads the header. Returns 0, or -1 with a message.
int cjpeg_header(const unsigned char *bytes, size_t count, cjpeg_info *info, char *message);

// Decodes a picture of 1 or 3 components (RGB) into `pixels`, which has room for width x height x components bytes as
// the header says. Returns 0, 1 if the picture is there but the library warned (the first warning is in the message),
// or -1 with a message: also for a file of too many scans.
int cjpeg_decode(const unsigned char *bytes, size_t count, unsigned char *pixels, char *message);

#endif
