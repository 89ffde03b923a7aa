"""What runs inside the containers that stand for a virtual machine or a build step. Standard library only: these
files are copied into an image and executed there; nothing of memdeploy is."""
