// SPDX-License-Identifier: Apache-2.0
import Recipes
import Objectives

/// Table 1: per cent of boxes found by Phi-3.5-vision after three epochs of 127K expressions, single runs.
enum PaperGrounding {
  static let splits = [
    "refcoco-val", "refcoco-testA", "refcoco-testB", "refcoco+-val", "refcoco+-testA", "refcoco+-testB",
    "refcocog-val", "refcocog-test",
  ]
  static let accuracy: [Preset: [Double]] = [
    .sft: [94.3, 93.5, 86.0, 85.9, 91.6, 78.7, 92.2, 87.4],
    .vocab: [94.5, 93.2, 86.0, 85.9, 90.6, 78.2, 92.4, 87.6],
    .dist: [94.8, 94.5, 87.3, 87.1, 92.2, 81.4, 92.8, 88.0],
  ]
}
