// SPDX-License-Identifier: Apache-2.0
import Files
import TorchNN

/// A checkpoint of a tower, a projector and a decoder under the names of published ones (`language_model.model.*`,
/// `vision_tower.vision_model.*`, `multi_modal_projector.*`), whether it has these, those of transformers 5
/// (`model.language_model.*`), or a tower without `vision_model`.
///
/// - Throws: `InputError` if the checkpoint has a tensor under two of these names.
func publishedNames(_ source: any WeightSource) throws(InputError) -> any WeightSource {
  var seen = Set<String>()
  for name in source.names.compactMap(published) where !seen.insert(name).inserted {
    throw InputError(
      path: source.path, place: "tensor \(name)", expected: "one name for it", found: "those of two layouts")
  }
  return RenamedWeights(source, published)
}

/// A tensor's name in the published checkpoints; nil for one that is of no use.
private func published(_ name: String) -> String? {
  var name = name
  if name == "lm_head.weight" { return "language_model.lm_head.weight" }
  if name.hasPrefix("model.language_model.") {
    name = "language_model.model." + name.dropFirst("model.language_model.".count)
  } else if name.hasPrefix("model.") {
    name = String(name.dropFirst("model.".count))
  }
  if name.hasPrefix("vision_tower."), !name.hasPrefix("vision_tower.vision_model.") {
    name = "vision_tower.vision_model." + name.dropFirst("vision_tower.".count)
  }
  return name.hasSuffix("position_ids") ? nil : name  // a buffer of old checkpoints
}
