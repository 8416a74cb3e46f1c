"""What engines that run on torch share: device, precision, threads, graphs, memory, Stable Diffusion's VAE.

Not an engine. To import it decides how OpenMP waits, because torch reads that when it is imported.
"""

from .threads import wait_asleep

wait_asleep()
