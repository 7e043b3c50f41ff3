// SPDX-License-Identifier: Apache-2.0
#include "kernels.hpp"

#define CT_TEXT_(x) #x
#define CT_TEXT(x) CT_TEXT_(x)

namespace ct::CT_LEVEL {
extern const Kernels table = {
    CT_TEXT(CT_LEVEL), rmsNormForward, rmsNormBackward, rotate, rotateNeighbours, swigluForward, swigluBackward, axpy, dot, sum,
    scale,             largest,        exponentials,    divergence, adamw8};
}
