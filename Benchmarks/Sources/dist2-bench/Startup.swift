// SPDX-License-Identifier: Apache-2.0
import TokenData
import TokenModels

/// Model and tokenizer brought to the point where the model can be asked: what a process costs before its first work.
func start(_ worker: Worker, _ settings: Settings) throws {
  let folder = settings.required("model")
  let tokenizer = try Tokenizer(folder: folder)
  let model = try loadModel(folder: folder, options: LoadOptions(dtype: .float32))
  try worker.serve { Double(tokenizer.count + model.hiddenSize) }
}
