"""What engines that run on torch share: device, precision, graphs, memory, Stable Diffusion's VAE. Not an engine."""
