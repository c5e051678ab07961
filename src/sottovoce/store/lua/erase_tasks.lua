local why = refused(ARGV[1])
if why then return {why} end
return drop_tasks({DONE})
